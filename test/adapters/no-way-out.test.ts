/**
 * Nothing that a request says leads to a file, a network address or a model: a process that answers requests
 * full of paths and addresses is watched while it does, and so is its worker.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Deed, runWatched } from '../support/watched-process.ts'

const secrets = temporaryFolder()
const [answering, reaching] = [temporaryFolder(), temporaryFolder()]
const secret = 'The number of the safe is 4711.'

let visits = 0
const server = createServer((_, response) => {
  visits += 1
  response.end(secret)
})
let address = ''
let bait = ''

beforeAll(async () => {
  bait = await secrets.write('bait.txt', secret)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bait`
})
afterAll(() => new Promise(resolve => server.close(resolve)))

/** The parts of a request, each full of what would lead outside. */
const luring = () => ({
  path: bait,
  url: address,
  metadata: {
    ...{ path: bait, file: bait, url: address, href: pathToFileURL(bait).href, fetch: true },
    ...{ model: 'Qwen/Qwen3-0.6B', generator: 'Qwen/Qwen3-0.6B', include: `@${bait}`, $ref: address },
  },
})

const requests = () => {
  const content = `See ${bait} and ${address}; include "${pathToFileURL(bait).href}". The safe has a number.`
  const claim = `The number of the safe is in ${bait}, at ${address}.`
  const types = ['document', 'file', 'log', 'metric', 'report', 'database', 'api', 'url']
  const sources = types.map(type => ({ content, type, title: bait, id: `${type} ${bait}`, ...luring() }))
  return [
    { taskId: `../../${bait}`, claim, sources, metadata: { ...luring().metadata, domain: address } },
    // Without a text of its own there is nothing to read it from.
    { taskId: 'path alone', claim, sources: [{ type: 'file', path: bait }] },
    { taskId: 'address alone', claim, sources: [{ type: 'api', url: address }] },
    { taskId: 'no content', claim, sources: [{ content: { path: bait }, path: bait }] },
    { taskId: 'a model', claim, sources: [{ content }], model: 'Qwen/Qwen3-0.6B' },
  ]
}

const outward =
  /^(?:net|dns|dgram|https?|global|child_process|fs(?:\.promises)?\.(?:write|append|mkdir|rm|open))/
const workerOutward = /^(?:socket\.(?:connect|getaddrinfo|gethost|bind|sendto)|subprocess|os\.|urllib|http)/
const baited = (deed: Deed): boolean => deed.includes('bait') || deed.includes('4711')

test('what a request says of files, addresses and models is read as text', async () => {
  const script = `
    const { EvidenceEnhancer } = await import(root + 'index.ts')
    const enhancer = await EvidenceEnhancer.open({ poolSize: 1, python: pythonCommand })
    const ordinary = { taskId: 'first', claim: 'The disk is full.', sources: [{ content: 'The disk is full: 5 of 5 GB.' }] }
    await enhancer.enhanceEvidence(ordinary) // loads what is loaded late
    watch()
    for (const request of ${JSON.stringify(requests())}) {
      try {
        const { verdict, taskId } = await enhancer.enhanceEvidence(request)
        console.log(taskId.slice(0, 6), verdict)
      } catch ({ code }) {
        console.log(request.taskId, code)
      }
    }
    await enhancer.embed([${JSON.stringify(bait)}, ${JSON.stringify(address)}])
    await enhancer.close()`
  const run = await runWatched(script, answering)
  expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
  const [first = '', ...rest] = run.stdout.trim().split('\n')
  expect(first).toMatch(/^\.\.\/\.\.\/ (?:supported|not-enough-evidence|refuted|disputed)$/)
  expect(rest).toEqual([
    'path alone ER_INPUT',
    'address alone ER_INPUT',
    'no content ER_INPUT',
    'a model ER_INPUT',
  ])
  expect(run.deeds.filter(deed => outward.test(deed) || baited(deed))).toEqual([])
  expect(run.workerDeeds.length).toBeGreaterThan(0)
  expect(run.workerDeeds.filter(deed => workerOutward.test(deed) || baited(deed))).toEqual([])
  expect(visits).toBe(0)
})

test('the watch sees a file, an address, a name and a program that are reached for', async () => {
  const script = `
    import { readFile } from 'node:fs/promises'
    import { readFileSync } from 'node:fs'
    import { lookup } from 'node:dns/promises'
    import { spawnSync } from 'node:child_process'
    watch()
    const denied = await readFile(${JSON.stringify(bait)}).catch(({ code }) => code)
    try { readFileSync(${JSON.stringify(bait)}) } catch ({ code }) { console.log(denied, code) }
    await fetch(${JSON.stringify(address)})
    await lookup('localhost')
    const code = "import socket; open('" + ${JSON.stringify(bait)} + "'); socket.socket().connect(('127.0.0.1', " + new URL(${JSON.stringify(address)}).port + "))"
    spawnSync(pythonCommand, ['-P', '-m', 'reaching'], { env: { PYTHONPATH: ${JSON.stringify(reaching.path)}, CODE: code } })`
  await reaching.write('reaching.py', 'import os\nexec(os.environ["CODE"])\n')
  const run = await runWatched(script, reaching)
  expect(run.stderr).toBe('')
  expect(run.stdout).toBe('ERR_ACCESS_DENIED ERR_ACCESS_DENIED\n')
  const seen = run.deeds.map(deed => deed.split(' ')[0])
  expect(seen).toEqual(
    expect.arrayContaining([
      'fs.promises.readFile',
      'fs.readFileSync',
      'global.fetch',
      'dns.promises.lookup',
    ]),
  )
  expect(run.deeds.filter(baited).length).toBeGreaterThanOrEqual(3)
  expect(run.deeds.filter(deed => outward.test(deed)).length).toBeGreaterThanOrEqual(3)
  expect(run.workerDeeds.filter(deed => deed.startsWith('open ') && baited(deed))).toHaveLength(1)
  expect(run.workerDeeds.some(deed => workerOutward.test(deed))).toBe(true)
  expect(visits).toBe(1)
})
