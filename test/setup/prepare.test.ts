/** A model's way from a hub on this machine into the cache, through the Python that set-up has made. */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { errorRules } from '../../src/core/errors.ts'
import { generatorAt } from '../../src/models/generator.ts'
import { locateModel } from '../../src/setup/hub.ts'
import { type PrepareEvent, prepareModel } from '../../src/setup/prepare.ts'
import { environment } from '../support/bare-environment.ts'
import { repository } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { writeScript } from './fake-python.ts'

const folder = temporaryFolder()
const python = join(environment, 'bin', 'python')
const served = join(folder.path, 'served')
const model = join(folder.path, 'model')
let server: ChildProcessByStdio<Writable, Readable, null>

beforeAll(async () => {
  const script = join(repository, 'test', 'support', 'tiny_language_model.py')
  await mkdir(served)
  await once(spawn(python, [script, model, '--dim', '128', '--layers', '6']), 'exit')
  server = spawn(python, [join(repository, 'test', 'python', 'hub_server.py'), served], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [address] = (await once(server.stdout, 'data')) as [Buffer]
  vi.stubEnv('HF_ENDPOINT', address.toString().trim())
  vi.stubEnv('NO_PROXY', '127.0.0.1,localhost')
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE', 'HF_TOKEN'])
    vi.stubEnv(name, undefined)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  const ended = once(server, 'exit')
  server.stdin.end()
  await ended
})

/** A repository of that name on the hub, and an empty cache. */
async function publish(name: string, behaviour: object = {}): Promise<string> {
  await cp(model, join(served, 'org', name), { recursive: true })
  await behave(name, behaviour)
  const home = join(folder.path, `home-${name}`)
  vi.stubEnv('HF_HOME', home)
  return join(home, 'hub')
}

const behave = (name: string, behaviour: object) =>
  writeFile(join(served, 'org', name, 'behaviour.json'), JSON.stringify(behaviour))

describe('prepareModel()', () => {
  test('tells what is to come, fetches it, and from then on it is found without the hub', async () => {
    const hubCache = await publish('whole')
    const events: PrepareEvent[] = []
    const prepared = await prepareModel('org/whole', { onEvent: event => events.push(event) })
    const [plan] = events
    expect(plan).toMatchObject({ event: 'plan', files: 5, present: 0, cache: hubCache })
    const total = plan?.event === 'plan' ? plan.bytes : 0
    expect(events.at(-1)).toEqual({ event: 'progress', done: total, total })
    const { commit } = prepared
    expect(prepared).toEqual({
      name: 'org/whole',
      commit,
      folder: join(hubCache, 'models--org--whole', 'snapshots', commit ?? ''),
      pinned: `org/whole@${commit}`,
      asked: true,
    })
    const { asked: _, ...located } = prepared
    expect(await locateModel('org/whole', { hubCache })).toEqual(located)
    expect(await locateModel(prepared.pinned, { hubCache })).toEqual(located)
    const variant = await generatorAt(prepared.folder)
    expect(variant).toMatchObject({ name: 'org/whole', revision: commit })
    expect(variant.weightsHash).toBe((await generatorAt(model)).weightsHash)
  })

  test('goes on where it was stopped', async () => {
    await publish('stopped', { stall: 2_500_000 })
    const stop = new AbortController()
    const onEvent = (event: PrepareEvent) => {
      if (event.event === 'progress' && event.done > 2_000_000) stop.abort(new Error('enough'))
    }
    await expect(prepareModel('org/stopped', { onEvent, signal: stop.signal })).rejects.toThrow('enough')
    await behave('stopped', {})
    const events: PrepareEvent[] = []
    await prepareModel('org/stopped', { onEvent: event => events.push(event) })
    expect(events[0]).toMatchObject({ event: 'plan', present: expect.toSatisfy(bytes => bytes > 2_000_000) })
  })

  test.each([
    [
      'a name that the hub does not have',
      'org/nowhere',
      'ER_UNKNOWN_MODEL',
      2,
      /hub has no model org\/nowhere/,
    ],
    ['a revision that is not there', 'org/gated@dev', 'ER_UNKNOWN_MODEL', 2, /that revision of it is not/],
    ['a model with terms', 'org/gated', 'ER_MODEL_LOAD', 6, /accepted its terms.*HF_TOKEN=/],
    ['a name that can be none', 'not a name', 'ER_INPUT', 2, /neither a folder here nor an id of the hub/],
  ] as const)('says of %s what is wrong', async (_what, name, code, exit, message) => {
    await publish('gated', { gated: true })
    await expect(prepareModel(name)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(errorRules[code].exit).toBe(exit)
  })

  test('takes a local folder as it is', async () => {
    expect(await prepareModel(model)).toEqual({
      folder: model,
      name: 'model',
      commit: undefined,
      pinned: model,
      asked: false,
    })
  })

  test('says so when the download dies, with its last words', async () => {
    await mkdir(join(folder.path, 'broken', 'bin'), { recursive: true })
    const broken = await writeScript(join(folder.path, 'broken', 'bin'), 'python', 'echo why >&2; exit 3')
    await expect(prepareModel('org/any', { python: broken })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(/ended early \(exit code 3\)/),
      detail: 'why',
    })
  })

  test('needs the packages for language models', async () => {
    const root = { folder: folder.path, version: '1.2.3', checkout: false }
    await mkdir(join(folder.path, 'python', 'locks'), { recursive: true })
    await writeFile(join(folder.path, 'python', 'locks', 'worker.txt'), 'mlx==1 --hash=sha256:0\n')
    await expect(prepareModel('org/any', { root, home: folder.path })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining('npx evidence-runner setup --generator'),
    })
  })
})
