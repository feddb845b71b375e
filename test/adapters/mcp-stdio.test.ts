/**
 * MCP over standard input and output with a real server process, in both protocol eras: concurrent calls,
 * cancellation, a stdout with nothing but the protocol, and an end that leaves no process behind.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterEach, describe, expect, test } from 'vitest'
import { endOf } from '../support/command-line.ts'
import { until } from '../support/condition.ts'
import { workerRuns, workersOf } from '../support/process-list.ts'

/** So long that the pool takes work which it can't do soon. */
const timeoutMs = 600_000
const program = join(import.meta.dirname, 'mcp-process.ts')
const modern = { mode: { pin: '2026-07-28' } } as const
const eras = [['2025-11-25', { mode: 'legacy' } as const] as const, ['2026-07-28', modern] as const]

const clients: Client[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.close()))
})

async function connected(negotiation: (typeof eras)[number][1], options = {}) {
  const args = [program, JSON.stringify(options)]
  const transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'pipe' })
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: negotiation })
  clients.push(client)
  await client.connect(transport)
  await client.listTools()
  return { client, pid: transport.pid as number }
}

const status = async (client: Client) => {
  const { structuredContent } = await client.callTool({ name: 'runner_status', arguments: {} })
  return structuredContent as {
    callsUnderWay: number
    waitingItems: number
    openCalls: number
    ready: boolean
  }
}

const claim = (number: number) => ({
  claim: `Outage ${number} lasted under 20 minutes.`,
  sources: [{ content: `Outage ${number} lasted 12 minutes.` }],
})

describe.each(eras)('a client of protocol %s', (_, negotiation) => {
  test('checks claims side by side, cancels one, and leaves no process behind', async () => {
    const { client, pid } = await connected(negotiation)
    expect(await status(client)).toMatchObject({ ready: true })
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, place) =>
        client.callTool({ name: 'check_claim', arguments: { ...claim(place), taskId: `t${place}` } }),
      ),
    )
    expect(answers.map(({ structuredContent }) => structuredContent)).toEqual(
      answers.map((_, place) => expect.objectContaining({ taskId: `t${place}`, verdict: 'supported' })),
    )

    const leaving = new AbortController()
    const texts = Array.from({ length: 300 }, (_, place) => `${place} ${'it ran hot again '.repeat(40)}`)
    const call = client.callTool(
      { name: 'embed_texts', arguments: { texts, timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(call).rejects.toThrow()
    while ((await status(client)).waitingItems < 100);
    leaving.abort()
    await left
    // All of its texts would take long.
    let after = await status(client)
    while (after.callsUnderWay > 0) after = await status(client)
    expect(after.waitingItems).toBe(0)

    const workers = workersOf(pid)
    expect(workers.length).toBe(1)
    await client.close()
    await until('every process has gone', () => !workers.some(workerRuns) && !runs(pid))
  })
})

test('says no more on standard output than the protocol, and ends with its input', async () => {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [program], { stdio: 'pipe' })
  const [ended, said] = [endOf(child), text(child.stderr)]
  const lines: string[] = []
  const reading = createInterface({ input: child.stdout })
  reading.on('line', line => lines.push(line))
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const clientInfo = { name: 'raw', version: '1' }
  send({
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo },
  })
  send({ method: 'notifications/initialized' })
  child.stdin.write('this is no message\n')
  send({ id: 2, method: 'tools/call', params: { name: 'check_claim', arguments: claim(1) } })
  send({ id: 3, method: 'tools/call', params: { name: 'no_such_tool', arguments: {} } })
  await until('three answers', () => lines.length >= 3)
  const workers = workersOf(child.pid as number)
  expect(workers.length).toBe(1)
  // A call under way when the input ends is given up, not waited for.
  const texts = Array.from({ length: 300 }, (_, place) => `${place} ${'it ran hot again '.repeat(40)}`)
  send({ id: 4, method: 'tools/call', params: { name: 'embed_texts', arguments: { texts, timeoutMs } } })
  child.stdin.end()
  expect(await ended).toEqual({ code: 0, signal: null })
  await until('every process has gone', () => !workers.some(workerRuns))
  const answers = lines.map(line => JSON.parse(line) as { jsonrpc: string; id: number; error?: object })
  expect(answers.map(({ id, jsonrpc }) => `${jsonrpc} ${id}`).sort()).toEqual(['2.0 1', '2.0 2', '2.0 3'])
  expect(answers.find(({ id }) => id === 3)?.error).toMatchObject({ code: -32602 })
  expect(await said).toContain('MCP: ready')
})

test('ends on SIGTERM, and when a message is longer than it may be', async () => {
  for (const provoke of [
    (child: ChildProcessWithoutNullStreams) => child.kill('SIGTERM'),
    (child: ChildProcessWithoutNullStreams) => child.stdin.write('x'.repeat(70_000)),
  ]) {
    const options = JSON.stringify({ serve: { limits: { requestBytes: 60_000 } } })
    const child = spawn(process.execPath, [program, options], { stdio: 'pipe' })
    child.stdin.on('error', () => {})
    const ended = endOf(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', chunk => {
      said += chunk
    })
    await until('it is ready', () => said.includes('MCP: ready'))
    const workers = workersOf(child.pid as number)
    provoke(child)
    expect(await ended).toEqual({ code: 0, signal: null })
    await until('every process has gone', () => !workers.some(workerRuns))
  }
})

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
