/**
 * A claim against a stored collection through each door of the command line, with the official clients, a real
 * Redis, real LanceDB and the real model; and what one door has read is related evidence at the next.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { ClientFactory } from '@a2a-js/sdk/client'
import { beforeAll, expect, test } from 'vitest'
import { EvidenceQueue } from '../../src/adapters/bullmq.ts'
import { dataMessage, dataOf, send, stateOf } from '../support/a2a-client.ts'
import { jsonLines, runCommandLine, startCommandLine } from '../support/command-line.ts'
import { serveMcpBy } from '../support/mcp-command-line.ts'
import { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const home = join(folder.path, 'home')
const store = ['--vector-store', join(folder.path, 'vectors')]
const environment = { EVIDENCE_RUNNER_HOME: home }
const one = ['--pool-size', '1']

const claim = 'Backups of the customer database are made every night.'
const sources = [{ type: 'database' as const, collection: 'handbook', limit: 2 }]
const passage = { documentId: 'backups', title: 'Backups' }

beforeAll(async () => {
  const document = { id: 'backups', title: 'Backups', text: `${claim}\n\nThey are kept for 35 days.` }
  const words = ['collection', 'add', 'handbook', '--jsonl', '-', ...store, ...one]
  const { code } = await runCommandLine(words, { environment, input: JSON.stringify(document) })
  expect(code).toBe(0)
})

test('MCP: a tool call names a collection; what a server has read is there for the next one', async () => {
  const first = await serveMcpBy(home, store)
  const include = ['retrieved', 'relatedEvidence']
  const answer = await first.call('check_claim', { claim, sources, include })
  expect(answer).toMatchObject({ verdict: 'supported', retrieved: [{ passages: [passage, {}] }] })
  expect(answer['relatedEvidence']).toEqual([])
  await first.call('check_claim', {
    taskId: 'incident',
    claim: 'The backup failed.',
    sources: [{ id: 'log', content: 'The backup of Tuesday failed: disk full.' }],
  })
  const missing = { claim, sources: [{ type: 'database', collection: 'news' }] }
  expect(await first.call('check_claim', missing)).toMatchObject({
    error: { code: 'ER_INPUT', message: expect.stringMatching(/no collection "news": there are handbook/) },
  })
  expect(await first.call('explain_trace', { claim, sources })).toMatchObject({ kind: 'plan' })
  await first.end()

  await using second = await serveMcpBy(home, store)
  const related = { claim: 'The backup of Tuesday failed: disk full.', source: 'incident/log' }
  expect(await second.call('check_claim', { claim, sources, include })).toMatchObject({
    relatedEvidence: [{ ...related, from: { taskId: 'incident', sourceId: 'log' } }],
  })
  expect(await second.call('explain_trace', { id: answer['traceHash'] })).toMatchObject({ holds: true })
})

test('MCP: without a store the caller is told so, and the operator’s option', async () => {
  await using server = await serveMcpBy(home)
  expect(await server.call('check_claim', { claim, sources })).toMatchObject({
    error: { code: 'ER_INPUT', message: expect.stringMatching(/no vector store: .*--vector-store DIR/) },
  })
})

test('A2A: a task names a collection, and its trace is kept', async () => {
  const child = startCommandLine(['serve', 'a2a', '--port', '0', ...store, ...one], { environment })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  while (!/http:\/\/127\.0\.0\.1:\d+/.test(told)) await once(child.stderr, 'data')
  const client = await new ClientFactory().createFromUrl(/http:\/\/127\.0\.0\.1:\d+/.exec(told)?.[0] ?? '')
  const task = await send(client, dataMessage({ taskId: 'by A2A', claim, sources }))
  expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
  const evidence = dataOf(task)
  expect(evidence).toMatchObject({ verdict: 'supported', retrieved: [{ passages: [passage, {}] }] })
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
  const { stdout } = await runCommandLine(['trace', 'show', evidence.id, '--json'], { environment })
  expect(jsonLines(stdout)).toMatchObject([{ id: evidence.id, facts: { taskId: 'by A2A' } }])
})

test('a queue: a job names a collection of its consumer, and its trace is kept there', async () => {
  await using redis = await RedisServer.start()
  const child = startCommandLine(['consume', '--redis', redis.url, ...store, ...one], { environment })
  child.stderr.resume()
  await using queue = new EvidenceQueue({ redis: redis.url })
  const evidence = await queue.wait(await queue.add({ taskId: 'by queue', claim, sources }))
  expect(evidence).toMatchObject({ verdict: 'supported', retrieved: [{ passages: [passage, {}] }] })
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
  const { stdout } = await runCommandLine(['trace', 'list', '--json'], { environment })
  expect(JSON.stringify(jsonLines(stdout))).toContain('by queue')
})
