/**
 * A token that a door was given lets in who brings it and nobody else, and is told to nobody: neither in an
 * answer nor in a note, an error, an event or on standard output. The same holds for a wrong one that came in.
 */
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { a2aPaths } from '../../src/adapters/a2a-card.ts'
import { serveA2a } from '../../src/adapters/a2a-serve.ts'
import { serveMcp } from '../../src/adapters/mcp-serve.ts'
import { EvidenceEnhancer, type TelemetryEvent } from '../../src/index.ts'
import { readTexts } from '../support/import-graph.ts'

const token = 'tkn-5b1e9d6c4f7a-right'
const wrong = 'tkn-5b1e9d6c4f7a-wrong'
/** What both begin with, so that a part of one is found, too. */
const mark = '5b1e9d6c4f7a'

const said: string[] = []
const note = (text: string) => void said.push(text)
const enhancer = await EvidenceEnhancer.open({
  poolSize: 1,
  telemetryCallback: (event: TelemetryEvent) => note(JSON.stringify(event)),
})

const spies = [
  ...[process.stdout, process.stderr].map(stream =>
    vi.spyOn(stream, 'write').mockImplementation(chunk => {
      note(String(chunk))
      return true
    }),
  ),
  // The SDKs write there, and the console of a test is not that of a process.
  ...(['debug', 'error', 'info', 'log', 'warn'] as const).map(level =>
    vi.spyOn(console, level).mockImplementation((...parts) => note(inspect(parts, { depth: 9 }))),
  ),
]
const ending = new AbortController()
const doors: Promise<void>[] = []
const addresses: Record<'mcp' | 'a2a', string> = { mcp: '', a2a: '' }

beforeAll(async () => {
  const options = { host: '127.0.0.1', port: 0, token, signal: ending.signal }
  // Who serves closes the enhancer in the end; here both doors have the same one.
  const shared = new Proxy(enhancer, {
    get: (target, key) => {
      if (key === 'close') return async () => {}
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await new Promise<void>(resolve => {
    const onListening = (url: string) => {
      addresses.mcp = url
      resolve()
    }
    doors.push(serveMcp(shared, { ...options, transport: 'http', onNote: note, onListening }))
  })
  await new Promise<void>(resolve => {
    const onNote = (text: string) => {
      note(text)
      const url = /http:\/\/[^/\s]+/.exec(text)?.[0]
      if (url === undefined) return
      addresses.a2a = `${url}${a2aPaths.jsonRpc}`
      resolve()
    }
    doors.push(serveA2a(shared, { ...options, onNote }))
  })
})

afterAll(async () => {
  ending.abort()
  await Promise.allSettled(doors)
  for (const spy of spies) spy.mockRestore()
  await enhancer.close()
})

const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'a2a-version': '1.0',
}
const initialise = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
})
const task = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'SendMessage' },
  params: { message: { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'not a request' }] } },
})

/** Everything that came back, headers too; an answer that streams is cut off. */
async function send(url: string, body: string, more: Record<string, string>): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers: { ...headers, ...more }, body })
  said.push(JSON.stringify([...response.headers]), await response.text())
  return response.status
}

test.each([
  ['mcp', initialise],
  ['a2a', task],
] as const)('%s lets in who brings the token, and nobody else', async (door, body) => {
  const url = addresses[door]
  expect(await send(url, body, { authorization: `Bearer ${token}` })).toBe(200)
  const others = [
    {},
    { authorization: `Bearer ${wrong}` },
    { authorization: `Bearer ${token}x` },
    { authorization: `Basic ${token}` },
    { authorization: token },
    { 'x-token': token, cookie: `token=${token}` },
  ]
  for (const other of others) expect(await send(url, body, other as Record<string, string>)).toBe(401)
  expect(await send(`${url}?token=x`, body, {})).toBe(401)
})

test.each(['mcp', 'a2a'] as const)('%s tells nobody of a token when a call goes wrong', async door => {
  const bearer = { authorization: `Bearer ${token}` }
  const broken = ['{', 'null', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing"}}']
  for (const body of broken) await send(addresses[door], body, bearer)
  await send(addresses[door], initialise, { ...bearer, host: 'evil.test', origin: 'http://evil.test' })
})

test('what was said holds no token, neither the right one nor the wrong one', async () => {
  await enhancer.enhanceEvidence({ taskId: 't', claim: 'It is on.', sources: [{ content: 'It is on.' }] })
  await new Promise(resolve => setImmediate(resolve))
  expect(said.some(text => text.includes('evidence_enhancement_completed'))).toBe(true)
  expect(said.some(text => text.includes(new URL(addresses.a2a).host))).toBe(true)
  expect(said.filter(text => text.includes(mark))).toEqual([])
})

const constants = ['undefined', 'null', 'true', 'false', "''"]

/** Lines that hold a token against another text by themselves. */
const plainComparisons = (text: string): string[] =>
  text
    .split('\n')
    .filter(line =>
      [...line.matchAll(/([\w.?]+|'')\s*[!=]==?\s*([\w.?]+|'')/g)].some(
        ([, left = '', right = '']) =>
          [left, right].some(side => /(?:^|\.)(?:\w*T|t)oken$/.test(side)) &&
          ![left, right].some(side => constants.includes(side)),
      ),
    )

test('no adapter compares a token by itself', () => {
  const found = Object.entries(readTexts('src/adapters/*.ts')).flatMap(([path, text]) =>
    plainComparisons(text).map(line => `${path} ${line.trim()}`),
  )
  expect(found).toEqual([])
  const wrong = ['if (given === options.token) return', 'if (token !== expected)', 'a = myToken == b']
  expect(plainComparisons(wrong.join('\n'))).toEqual(wrong)
  const right = ["if (token !== '') return", 'if (token !== undefined && !sameToken(given, token)) return']
  expect(plainComparisons(right.join('\n'))).toEqual([])
})
