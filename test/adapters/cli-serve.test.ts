/** `serve` and `consume` on the command line: what they refuse, and that they end when they are told to. */
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { runCommandLine, startCommandLine } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const one = ['--pool-size', '1']

describe('serve', () => {
  test('names the doors that there are', async () => {
    for (const words of [[], ['gate'], ['mcp', 'a2a']]) {
      const { code, stderr } = await runCommandLine(['serve', ...words])
      expect([code, stderr]).toEqual([2, expect.stringMatching(/ER_INPUT: serve takes one door, mcp or a2a/)])
    }
  })

  test.each([['mcp', '--http'], ['a2a']])('%s is closed to others without a token', async (...door) => {
    const words = ['serve', ...door, '--host', '0.0.0.0', '--port', '0', ...one]
    const { code, stderr } = await runCommandLine(words)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/ER_CONFIG: Others can reach 0\.0\.0\.0/)])
  })

  test('refuses a token file that is empty or not there', async () => {
    const empty = await folder.write('empty', ' \n')
    for (const file of [empty, `${empty}-gone`]) {
      const { code, stderr } = await runCommandLine(['serve', 'a2a', '--token-file', file, ...one])
      expect([code, stderr]).toEqual([2, expect.stringMatching(/ER_CONFIG: The token file .*empty/)])
    }
  })

  test('mcp speaks its protocol alone on standard output, and ends with standard input', async () => {
    const hello = {
      ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      },
    }
    const { code, stdout } = await runCommandLine(['serve', 'mcp', ...one], {
      input: `${JSON.stringify(hello)}\n`,
    })
    expect(code).toBe(0)
    const [answer, ...rest] = stdout.trim().split('\n')
    expect(JSON.parse(answer ?? '')).toMatchObject({
      id: 1,
      result: { serverInfo: { name: 'evidence-runner' } },
    })
    expect(rest).toEqual([])
  })

  test('a2a says where it listens, and ends when it is told to', async () => {
    const child = startCommandLine(['serve', 'a2a', '--port', '0', ...one])
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
    while (!/http:\/\/127\.0\.0\.1:\d+/.test(told)) await once(child.stderr, 'data')
    const url = /http:\/\/127\.0\.0\.1:\d+\S*/.exec(told)?.[0] ?? ''
    expect(await (await fetch(url)).json()).toMatchObject({ skills: expect.any(Array) })
    child.kill('SIGTERM')
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(0)
  })
})

test('consume needs to know its Redis', async () => {
  const { code, stderr } = await runCommandLine(['consume', ...one], { environment: { REDIS_URL: '' } })
  expect([code, stderr]).toEqual([2, expect.stringMatching(/ER_CONFIG: consume takes claims from a Redis/)])
})
