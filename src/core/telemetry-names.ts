/**
 * The one table of what telemetry is called: spans, metrics with their units and buckets, attributes. Names
 * that begin with `evidence` are ours; all others are OpenTelemetry's, of the conventions for generative AI, MCP,
 * messaging and CloudEvents in v1.41, the last release that has the first two in the main list. A dashboard and a
 * test are held to it.
 */

/** The names of spans, metrics and attributes, for those who write them. */
export const names = {
  scope: 'evidence-runner',

  spanRequest: 'evidence.enhance',
  spanDispatch: 'evidence.dispatch',
  spanBatch: 'evidence.batch',
  spanTask: 'evidence.task',
  spanEvent: 'evidence.event',
  spanAdd: 'evidence.queue.add',
  spanProcess: 'evidence.queue.process',

  requestDuration: 'evidence_runner.request.duration',
  dispatchDuration: 'evidence_runner.dispatch.duration',
  queueDuration: 'evidence_runner.queue.duration',
  wireDuration: 'evidence_runner.wire.duration',
  batchItems: 'evidence_runner.batch.items',
  batchTokens: 'evidence_runner.batch.tokens',
  workerBoot: 'evidence_runner.worker.boot',
  workerExits: 'evidence_runner.worker.exits',
  workerRecycled: 'evidence_runner.worker.recycled',
  workersReady: 'evidence_runner.workers.ready',
  waitingItems: 'evidence_runner.queue.items',
  oldestWait: 'evidence_runner.queue.oldest_wait',
  cacheHits: 'evidence_runner.cache.hits',
  cacheMisses: 'evidence_runner.cache.misses',
  vectorHits: 'evidence_runner.vector_cache.hits',
  vectorMisses: 'evidence_runner.vector_cache.misses',
  reservedTokens: 'evidence_runner.budget.reserved.tokens',
  reservedMoney: 'evidence_runner.budget.reserved.money',
  committedTokens: 'evidence_runner.budget.committed.tokens',
  committedMoney: 'evidence_runner.budget.committed.money',
  committedTime: 'evidence_runner.budget.committed.worker_time',
  generationTokens: 'evidence_runner.generation.tokens',
  sharedTokens: 'evidence_runner.generation.shared_tokens',
  firstToken: 'evidence_runner.generation.first_token',
  doorDuration: 'evidence_runner.door.duration',
  doorRunning: 'evidence_runner.door.running',
  doorWaiting: 'evidence_runner.door.waiting',
  doorRefused: 'evidence_runner.door.refused',
  mcpDuration: 'mcp.server.operation.duration',
  jobsAdded: 'evidence_runner.jobs.added',
  jobsHandled: 'evidence_runner.jobs.handled',
  jobsWait: 'evidence_runner.jobs.wait',
  jobsStored: 'evidence_runner.jobs.stored',
  droppedEvents: 'evidence_runner.telemetry.dropped',
  sinkErrors: 'evidence_runner.telemetry.sink_errors',
  operationDuration: 'gen_ai.client.operation.duration',
  tokenUsage: 'gen_ai.client.token.usage',
  timeToFirstToken: 'gen_ai.server.time_to_first_token',

  op: 'evidence_runner.op',
  cache: 'evidence_runner.cache',
  attempt: 'evidence_runner.attempt',
  generation: 'evidence_runner.worker.generation',
  items: 'evidence_runner.items',
  tokens: 'evidence_runner.tokens',
  queueMs: 'evidence_runner.queue_ms',
  modelMs: 'evidence_runner.model_ms',
  wireMs: 'evidence_runner.wire_ms',
  door: 'evidence_runner.door',
  asked: 'evidence_runner.asked',
  outcome: 'evidence_runner.outcome',
  state: 'evidence_runner.state',
  claims: 'evidence_runner.claims',
  lane: 'evidence_runner.lane',
  task: 'evidence_runner.task',
  mcpMethod: 'mcp.method.name',
  mcpSession: 'mcp.session.id',
  rpcRequest: 'jsonrpc.request.id',
  tool: 'gen_ai.tool.name',
  eventId: 'cloudevents.event_id',
  eventSource: 'cloudevents.event_source',
  eventType: 'cloudevents.event_type',
  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.type',
  messageCount: 'messaging.batch.message_count',
  messageId: 'messaging.message.id',
  queue: 'messaging.destination.name',
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  model: 'gen_ai.request.model',
  dimensions: 'gen_ai.embeddings.dimension.count',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  tokenType: 'gen_ai.token.type',
  errorType: 'error.type',
} as const

/** The provider that spans name; no known one stands for models on one's own machine. */
export const provider = 'evidence-runner'

/**
 * How a metric is written. `level` goes up and down as it is told; `gauge` and `total` are read whenever metrics
 * are collected, the one anything, the other a sum that only grows.
 */
export type MetricKind = 'histogram' | 'counter' | 'level' | 'gauge' | 'total'

/** One metric: what it is, in which unit, and by what it can be told apart. */
export type Metric = {
  readonly kind: MetricKind
  /** As UCUM writes it; a word in braces counts such things. */
  readonly unit: string
  readonly description: string
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[]
  readonly attributes?: readonly string[]
}

/** Milliseconds, fine where answers are: the convention's own buckets begin at 10 ms. */
const fineMs = [
  ...[0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 250, 320, 400, 500],
  ...[750, 1000, 2000, 5000, 10_000, 20_000, 60_000],
]

/** Those that the conventions ask for, in seconds and in tokens. */
const conventionSeconds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
const conventionFirst = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const conventionCalls = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]
const conventionTokens = Array.from({ length: 14 }, (_, index) => 4 ** index)

/** From a job that begins at once to one that others hold up for an hour. */
const waitMs = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
]

const powers = Array.from({ length: 14 }, (_, index) => 2 ** index)

const callOf = [names.op, names.model]
const genAiOf = [names.operation, names.provider, names.model]

const milliseconds = (description: string, attributes: readonly string[] = []): Metric => ({
  kind: 'histogram',
  unit: 'ms',
  description,
  buckets: fineMs,
  attributes,
})

const sum = (unit: string, description: string, attributes: readonly string[] = []): Metric => ({
  kind: 'counter',
  unit,
  description,
  attributes,
})

const table = {
  [names.requestDuration]: milliseconds('From the call to its evidence or error', [names.errorType]),
  [names.dispatchDuration]: milliseconds('From a call to the pool to its reply or error', [
    ...callOf,
    names.errorType,
  ]),
  [names.queueDuration]: milliseconds('From a call to the pool to the worker', callOf),
  [names.wireDuration]: milliseconds('What of a call was neither waiting nor computing', callOf),
  [names.batchItems]: {
    kind: 'histogram',
    unit: '{item}',
    description: 'Items of a batch',
    buckets: powers,
    attributes: [names.op],
  },
  [names.batchTokens]: {
    kind: 'histogram',
    unit: '{token}',
    description: 'Tokens of a batch, as they are estimated when it is cut',
    buckets: powers,
    attributes: [names.op],
  },
  [names.workerBoot]: milliseconds("From a worker's start to ready"),
  [names.workerExits]: sum('{exit}', 'Workers that died and were started again', [names.errorType]),
  [names.workerRecycled]: sum('{worker}', 'Workers that were replaced because they were worn'),
  [names.workersReady]: { kind: 'gauge', unit: '{worker}', description: 'Workers that take calls' },
  [names.waitingItems]: { kind: 'gauge', unit: '{item}', description: 'Items that wait for a worker' },
  [names.oldestWait]: { kind: 'gauge', unit: 'ms', description: 'How long the oldest of them has waited' },
  [names.cacheHits]: sum('{hit}', 'Answers that were kept', [names.cache]),
  [names.cacheMisses]: sum('{miss}', 'Answers that had to be found', [names.cache]),
  [names.vectorHits]: { kind: 'total', unit: '{hit}', description: 'Vectors of texts that were kept' },
  [names.vectorMisses]: { kind: 'total', unit: '{miss}', description: 'Vectors that had to be computed' },
  [names.reservedTokens]: {
    kind: 'level',
    unit: '{token}',
    description: 'The most that calls under way can take',
    attributes: [names.op],
  },
  [names.reservedMoney]: {
    kind: 'level',
    unit: '{nanoUSD}',
    description: 'The most that calls under way can cost',
    attributes: [names.op],
  },
  [names.committedTokens]: sum('{token}', 'What calls took', [names.op]),
  [names.committedMoney]: sum('{nanoUSD}', 'What calls cost', [names.op]),
  [names.committedTime]: sum('ms', 'Worker time that calls took', [names.op]),
  [names.generationTokens]: sum('{token}', 'Tokens that were written', [names.model]),
  [names.sharedTokens]: sum('{token}', 'Tokens of prompts that had been read for others', [names.model]),
  [names.firstToken]: milliseconds("From a worker's taking a prompt in to the first token", [names.model]),
  [names.doorDuration]: milliseconds("From a call's coming in at a door to its answer or error", [
    names.door,
    names.asked,
    names.errorType,
  ]),
  [names.doorRunning]: {
    kind: 'level',
    unit: '{call}',
    description: 'Calls that a door has at work',
    attributes: [names.door],
  },
  [names.doorWaiting]: {
    kind: 'level',
    unit: '{call}',
    description: 'Calls that a door let in and that wait for their turn',
    attributes: [names.door],
  },
  [names.doorRefused]: sum('{call}', 'Calls that a door turned away, by code or HTTP status', [
    names.door,
    names.errorType,
  ]),
  [names.mcpDuration]: {
    kind: 'histogram',
    unit: 's',
    description: 'MCP request or notification duration as observed on the receiver',
    buckets: conventionCalls,
    attributes: [names.mcpMethod, names.tool, names.operation, names.errorType],
  },
  [names.jobsAdded]: sum(
    '{job}',
    'Claims that were put into a queue, with a job of their own or a shared one',
    [names.queue, names.outcome],
  ),
  [names.jobsHandled]: sum('{job}', 'What became of jobs at a consumer, start by start', [
    names.queue,
    names.outcome,
    names.errorType,
  ]),
  [names.jobsWait]: {
    kind: 'histogram',
    unit: 'ms',
    description: 'From when a job could have begun to its start',
    buckets: waitMs,
    attributes: [names.queue],
  },
  [names.jobsStored]: {
    kind: 'gauge',
    unit: '{job}',
    description: 'Jobs that lie in Redis; all who report of one queue tell the same',
    attributes: [names.queue, names.state],
  },
  [names.droppedEvents]: {
    kind: 'total',
    unit: '{event}',
    description: 'Events that a slow or hanging sink could not be given',
  },
  [names.sinkErrors]: {
    kind: 'total',
    unit: '{error}',
    description: 'Errors of a sink or an SDK, kept away from answers',
  },
  [names.operationDuration]: {
    kind: 'histogram',
    unit: 's',
    description: 'GenAI operation duration',
    buckets: conventionSeconds,
    attributes: [...genAiOf, names.errorType],
  },
  [names.tokenUsage]: {
    kind: 'histogram',
    unit: '{token}',
    description: 'Number of input and output tokens used',
    buckets: conventionTokens,
    attributes: [...genAiOf, names.tokenType],
  },
  [names.timeToFirstToken]: {
    kind: 'histogram',
    unit: 's',
    description: 'Time to generate first token for successful responses',
    buckets: conventionFirst,
    attributes: genAiOf,
  },
} as const satisfies Record<string, Metric>

/** The name of a metric that there is. */
export type MetricName = keyof typeof table

/** Every metric by its name. */
export const metricTable: Readonly<Record<MetricName, Metric>> = table

const operations = new Map([
  ['embed', 'embeddings'],
  ['generate', 'chat'],
])

/** What the conventions call an operation of ours; others go under their own names. */
export const operationOf = (op: string): string => operations.get(op) ?? op

/** What the conventions call the request for a tool, and the operation that it is. */
export const toolCall = { method: 'tools/call', operation: 'execute_tool' } as const
