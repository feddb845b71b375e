/**
 * The MCP tools as plain values, a name, a config and a handler each, so that they can be bound to any server: to
 * ours in `mcp.ts`, or to one of an older SDK. A handler checks what it is given, answers what goes wrong as a tool
 * error with its code, and throws only where its caller has left.
 */
import { isAbsolute, relative, resolve } from 'node:path'
import { errorOf, InputError } from '../core/errors.ts'
import type { TelemetryAttributes } from '../core/telemetry.ts'
import { describeIssues } from '../evidence/config.ts'
import { overMany } from '../evidence/many.ts'
import type { EnhanceOptions, EvidenceContext } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import type { StoredTrace } from '../plan/ports.ts'
import { type EvidenceEnhancer, version } from '../runner.ts'
import { type DoorLimits, doorLimitsOf, type ToolError, toolError } from './door.ts'
import { DoorTelemetry, toolSpan } from './door-telemetry.ts'
import { withFiles } from './input.ts'
import { answerOf, explained, numbersOf, recordedOf } from './mcp-answers.ts'
import {
  type Answer,
  type Given,
  type LargePart,
  type ManyAnswer,
  type Shapes,
  shapesOf,
  type ToolName,
} from './mcp-shapes.ts'
import { answersText, answerText, errorText } from './mcp-text.ts'

/** What of an enhancer the tools need. */
export type ServedEnhancer = Pick<
  EvidenceEnhancer,
  'enhanceEvidence' | 'embed' | 'explain' | 'health' | 'stats'
>

/** Where stored traces are looked up, such as `traces` of an opened store. */
export type TraceReader = { get(idOrHash: string): Promise<StoredTrace | undefined> }

/** What callers of the tools may do. */
export type EvidenceToolsOptions = {
  /** Folder whose files a source may name by `path`. @default none: sources bring their content */
  readonly allowFiles?: string | undefined
  /** @default those of every door, see `doorLimits` */
  readonly limits?: Partial<DoorLimits> | undefined
  /** Traces of earlier runs, for explain_trace. @default only those of recent answers of this process */
  readonly traces?: TraceReader | undefined
  /** Whether spans and metrics of calls are written to the OpenTelemetry API. @default true */
  readonly telemetry?: boolean | undefined
}

/** Who calls, as far as a tool has to know. */
export type ToolCall = {
  /** Aborted when the caller cancels or goes away: its place in the queue is free then. */
  readonly signal?: AbortSignal | undefined
  /** Fairness key: calls of one caller share its turn. */
  readonly caller?: string | undefined
  /** Hears of progress; the first number only grows. */
  readonly onProgress?: ((done: number, total: number, what: string) => void) | undefined
  /** Where the caller's trace is carried on from, as W3C Trace Context has it. */
  readonly traceparent?: string | undefined
  /** More of the call's span: what its transport knows of it. */
  readonly attributes?: TelemetryAttributes | undefined
}

/** What a tool answers; `structuredContent` of a failed call is `{ error }`. */
export type ToolResult = {
  readonly content: { type: 'text'; text: string }[]
  readonly structuredContent: Record<string, unknown>
  readonly isError?: boolean
}

/** A tool as every MCP SDK takes it. */
export type EvidenceTool = {
  readonly name: ToolName
  readonly config: {
    readonly title: string
    readonly description: string
    readonly inputSchema: Shapes[ToolName]['input']
    readonly outputSchema: Shapes[ToolName]['output']
    readonly annotations: {
      readonly title: string
      readonly readOnlyHint: boolean
      readonly destructiveHint: boolean
      readonly idempotentHint: boolean
      readonly openWorldHint: boolean
    }
  }
  /** @throws the signal's reason, and nothing else. */
  readonly handler: (input: unknown, call?: ToolCall) => Promise<ToolResult>
}

/** Claims of one call that are checked at once. */
const claimsAtOnce = 8
/** Recent answers whose traces can be explained without a store. */
const recentTraces = 200
/** When to come back where this door itself is full, in milliseconds. */
const fullRetryMs = 500

const about: Readonly<Record<ToolName, readonly [title: string, description: string]>> = {
  check_claim: [
    'Check a claim',
    'Checks one claim against the sources you give, on this machine: verdict, calibrated confidence, analysis and verbatim citations. Knows nothing beyond the sources.',
  ],
  check_claims: [
    'Check many claims',
    'Checks several claims in one call, against shared sources or their own. What is wrong with one stands in its place; the rest go on.',
  ],
  embed_texts: ['Embed texts', 'Vectors of texts from the local embedding model, in order, of length 1.'],
  explain_trace: [
    'Explain a trace or a plan',
    'With id: the recorded steps of an answer with their hashes, and whether they hold together. With claim and sources: how they would be checked and at what cost; asks no model.',
  ],
  runner_status: ['Status', 'Health of the workers, how much waits, what was used so far.'],
}

type Work = {
  readonly [Name in ToolName]: (given: Given<Name>, call: ToolCall) => Promise<readonly [object, string]>
}

/** The tools over one enhancer. They share the limit on calls under way and the traces of recent answers. */
export function evidenceTools(
  enhancer: ServedEnhancer,
  options: EvidenceToolsOptions = {},
): readonly EvidenceTool[] {
  const limits = doorLimitsOf(options.limits)
  const shapes = shapesOf(limits)
  const desk = new Desk(enhancer, options, limits.concurrency + limits.waiting)
  return (Object.keys(shapes) as ToolName[]).map(name => {
    const [title, description] = about[name]
    const { input, output } = shapes[name]
    return {
      name,
      config: {
        title,
        description,
        inputSchema: input,
        outputSchema: output,
        annotations: {
          title,
          readOnlyHint: true,
          destructiveHint: false,
          idempotentHint: true,
          openWorldHint: false,
        },
      },
      handler: (given, call = {}) => desk.serve(name, input, given, call),
    }
  })
}

/** Does what is asked for, counts who is at it, and remembers traces. */
class Desk {
  readonly #enhancer: ServedEnhancer
  readonly #options: EvidenceToolsOptions
  readonly #most: number
  readonly #recent = new Map<string, StoredTrace>()
  readonly #door: DoorTelemetry
  #underWay = 0

  constructor(enhancer: ServedEnhancer, options: EvidenceToolsOptions, most: number) {
    this.#enhancer = enhancer
    this.#options = options
    this.#most = most
    this.#door = new DoorTelemetry('mcp', options.telemetry)
  }

  async serve(
    name: ToolName,
    shape: Shapes[ToolName]['input'],
    given: unknown,
    call: ToolCall,
  ): Promise<ToolResult> {
    const { signal, traceparent } = call
    const { attributes, kind, span } = toolSpan(name)
    const own = { asked: name, attributes: { ...attributes, ...call.attributes }, kind, span }
    try {
      return await this.#door.call({ ...own, signal, traceparent }, async open => {
        signal?.throwIfAborted()
        this.#refuseTooMany(name)
        open.begin()
        this.#underWay += 1
        try {
          return await this.#answer(name, shape, given, call)
        } finally {
          this.#underWay -= 1
        }
      })
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      return failed(toolError(error))
    }
  }

  /** @throws OverloadError ER_QUEUE_FULL where no more calls are taken. */
  #refuseTooMany(name: ToolName): void {
    // Who asks how full it is must get an answer when it is full.
    if (this.#underWay < this.#most || name === 'runner_status') return
    this.#door.refused('ER_QUEUE_FULL')
    throw errorOf('ER_QUEUE_FULL', `${this.#underWay} calls are under way; no more are taken`, {
      retryAfterMs: fullRetryMs,
    })
  }

  async #answer(
    name: ToolName,
    shape: Shapes[ToolName]['input'],
    given: unknown,
    call: ToolCall,
  ): Promise<ToolResult> {
    const parsed = shape.safeParse(given ?? {})
    if (!parsed.success)
      throw new InputError('ER_INPUT', `Invalid arguments: ${describeIssues(parsed.error)}`)
    const work = this.#work[name] as (given: unknown, call: ToolCall) => Promise<readonly [object, string]>
    const [data, text] = await work(parsed.data, call)
    return { content: [{ type: 'text', text }], structuredContent: data as Record<string, unknown> }
  }

  readonly #work: Work = {
    check_claim: async ({ claim, include, sources, taskId = 'claim', ...how }, call) => {
      const { onProgress } = call
      const answer = await this.#check({ taskId, claim, sources }, include, {
        ...this.#how(how, call),
        ...(onProgress === undefined
          ? {}
          : { onProgress: ({ done, total, step }) => onProgress(done, total, step) }),
      })
      return [answer, answerText(answer)]
    },

    check_claims: async ({ claims, include, sources: shared, ...how }, call) => {
      const options = this.#how(how, call)
      const work = async (item: (typeof claims)[number], place: number): Promise<ManyAnswer> => {
        const { claim, sources = shared ?? [], taskId = `claim-${place + 1}` } = item
        try {
          return await this.#check({ taskId, claim, sources }, include, options)
        } catch (error) {
          call.signal?.throwIfAborted()
          return { taskId, error: toolError(error) }
        }
      }
      const answers: ManyAnswer[] = []
      for await (const answer of overMany(claims, work, { concurrency: claimsAtOnce, signal: call.signal })) {
        answers.push(answer)
        call.onProgress?.(answers.length, claims.length, answer.taskId)
      }
      const failures = answers.filter(answer => 'error' in answer).length
      return [{ answers, failed: failures }, answersText(answers)]
    },

    embed_texts: async ({ texts, ...how }, call) => {
      const vectors = await this.#enhancer.embed(texts, this.#how(how, call))
      const { modelsLoaded } = await this.#enhancer.health()
      const [model = 'unknown'] = modelsLoaded
      const dimensions = vectors[0]?.length ?? 0
      return [
        { vectors: vectors.map(numbersOf), dimensions, model },
        `${texts.length} ${texts.length === 1 ? 'text' : 'texts'} embedded by ${model}, ${dimensions} numbers each`,
      ]
    },

    explain_trace: async ({ id, claim, sources, timeoutMs }, { caller, signal }) => {
      if ((id === undefined) === (claim === undefined)) {
        throw new InputError('ER_INPUT', 'Give the id of an answer, or a claim with its sources')
      }
      if (id !== undefined) return explained(await this.#trace(id))
      const context = await this.#context({ taskId: 'plan', claim: claim ?? '', sources: sources ?? [] })
      const plan = await this.#enhancer.explain(context, { caller, signal, timeoutMs })
      return [{ kind: 'plan', plan }, plan]
    },

    runner_status: async () => {
      const [health, { embeddings, pool, spent }] = [await this.#enhancer.health(), this.#enhancer.stats()]
      const { lastError, modelsLoaded: models, ready, saturated, status } = health
      const workers = (pool?.workers ?? []).map(({ memory, restarts, settled, state }) => {
        return { state, settled, restarts, rssBytes: memory?.rssBytes ?? 0 }
      })
      const [waitingItems, openCalls] = [pool?.waitingItems ?? 0, pool?.openCalls ?? 0]
      const callsUnderWay = this.#underWay - 1
      return [
        {
          ...{ status, ready, saturated, version, models, workers, waitingItems, openCalls },
          ...{ callsUnderWay, spent, embeddings, lastError },
        },
        `${status}: ${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}, ${waitingItems} passages wait, ${callsUnderWay} calls under way; evidence-runner ${version}`,
      ]
    },
  }

  async #check(
    request: EvidenceRequest,
    include: readonly LargePart[] | undefined,
    options: EnhanceOptions,
  ): Promise<Answer> {
    const evidence = await this.#enhancer.enhanceEvidence(await this.#context(request), options)
    this.#remember(evidence)
    return answerOf(evidence, include ?? [])
  }

  /** A context with the content of files, where the operator allowed them. */
  async #context(request: EvidenceRequest): Promise<EvidenceContext> {
    const { allowFiles } = this.#options
    if (allowFiles !== undefined) {
      for (const { content, path } of request.sources) {
        // Before the disk is asked: whether a file outside is there is nobody's business.
        if (content === undefined && path !== undefined && liesOutside(path, allowFiles)) {
          throw new InputError('ER_INPUT', `${path} lies outside the folder whose files may be read`)
        }
      }
    }
    return (await withFiles(request, allowFiles)) as EvidenceContext
  }

  #how<How extends object>(how: How, { caller = 'mcp', signal }: ToolCall) {
    return { ...how, caller, signal }
  }

  #remember(evidence: EnhancedEvidence): void {
    this.#recent.set(evidence.id, recordedOf(evidence))
    const [oldest] = this.#recent.keys()
    if (this.#recent.size > recentTraces && oldest !== undefined) this.#recent.delete(oldest)
  }

  async #trace(id: string): Promise<StoredTrace> {
    const recent = this.#recent.get(id) ?? [...this.#recent.values()].find(({ record }) => record.hash === id)
    const found = recent ?? (await this.#options.traces?.get(id))
    if (found !== undefined) return found
    const where = this.#options.traces === undefined ? 'recent answers and there is no store' : 'the store'
    const hint = 'give the id or the whole traceHash of an answer, or check the claim again'
    throw new InputError('ER_INPUT', `No trace ${JSON.stringify(id)} among ${where}: ${hint}`)
  }
}

type EvidenceRequest = {
  readonly taskId: string
  readonly claim: string
  readonly sources: Given<'check_claim'>['sources']
}

function liesOutside(path: string, folder: string): boolean {
  const inside = relative(folder, resolve(folder, path))
  return inside === '..' || /^\.\.[\\/]/.test(inside) || isAbsolute(inside)
}

/** A tool error: code, message and when to come back, as data and in words. */
const failed = (error: ToolError): ToolResult => ({
  content: [{ type: 'text', text: errorText(error) }],
  structuredContent: { error },
  isError: true,
})
