/** What set-up does when something is in its way. Real installs need the network: scripts/setup does one. */

import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CreateOptions, createEnvironment, type SetUpProgress } from '../../src/setup/environment.ts'
import { environmentFolder, type LockName, recordVersion } from '../../src/setup/environment-record.ts'
import type { PackageRoot } from '../../src/setup/root.ts'
import { neededBytes, plainly } from '../../src/setup/set-up-failure.ts'
import { takeSetUpLock } from '../../src/setup/set-up-lock.ts'
import { writePython } from './fake-python.ts'

let folder: string
let root: PackageRoot
let home: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'create-'))
  root = { folder, version: '1.2.3', checkout: false }
  home = join(folder, 'home')
  await mkdir(join(folder, 'python', 'locks'), { recursive: true })
  await writeFile(join(folder, 'python', 'locks', 'worker.txt'), 'mlx==1 --hash=sha256:0\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A Python whose venv has a pip that prints `words` and fails. */
const pythonWithPip = (words: string) =>
  writePython(
    folder,
    'python3',
    {},
    `mkdir -p "$3/bin"; printf '#!/bin/sh\\necho "${words}" >&2; exit 1\\n' >"$3/bin/python"; chmod +x "$3/bin/python"`,
  )

describe('createEnvironment()', () => {
  test.each([
    ['The disk is full', "OSError: [Errno 28] No space left on device: '/x'"],
    ['could not be reached', 'Failed to establish a new connection: Temporary failure in name resolution'],
    [
      'differs from the one that was locked',
      'THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
    ],
    ['pip found no such package', 'ERROR: No matching distribution found for mlx==0.32.4'],
  ])('says "%s" for pip that fails so, and leaves nothing behind', async (words, said) => {
    const pythonCommand = await pythonWithPip(said)
    const events: SetUpProgress[] = []
    await expect(
      createEnvironment({ root, home, pythonCommand, onProgress: event => events.push(event) }),
    ).rejects.toMatchObject({ code: 'ER_WORKER_SPAWN', message: expect.stringContaining(words) })
    expect(await readdir(home)).toEqual([])
    expect(events.map(({ step, elapsedMs }) => [step, elapsedMs !== undefined])).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ])
  })

  test('says which folder it cannot write to', async () => {
    await writeFile(home, '')
    await expect(createEnvironment({ root, home })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringMatching(/Cannot write to .*home.*EVIDENCE_RUNNER_HOME/),
    })
  })

  test('removes what it began when it is stopped', async () => {
    const pythonCommand = await writePython(folder, 'python3', {}, 'mkdir -p "$3"; exec sleep 30')
    const stopped = new AbortController()
    const made = createEnvironment({ root, home, pythonCommand, signal: stopped.signal })
    setTimeout(() => stopped.abort('enough'), 300)
    await expect(made).rejects.toBe('enough')
    expect(await readdir(home)).toEqual([])
  })

  test('clears away the draft and the lock of a killed set-up', async () => {
    const environment = await environmentFolder(root, { home })
    await mkdir(join(`${environment}.draft-1`, 'lib'), { recursive: true })
    await mkdir(`${environment}.lock`)
    const deadOwner = { pid: 2 ** 22 + 1, host: hostname() }
    await writeFile(join(`${environment}.lock`, 'owner.json'), JSON.stringify(deadOwner))
    const pythonCommand = await pythonWithPip('no')
    await expect(createEnvironment({ root, home, pythonCommand })).rejects.toThrow('pip install failed')
    expect(await readdir(home)).toEqual([])
  })
})

describe('the locks that createEnvironment() installs', () => {
  /** A Python whose pip writes down what it is asked for, and fails. */
  const pythonWithNotes = () =>
    writePython(
      folder,
      'python3',
      {},
      `mkdir -p "$3/bin"; printf '#!/bin/sh\\necho "$@" >"${folder}/asked"; exit 1\\n' >"$3/bin/python"; chmod +x "$3/bin/python"`,
    )
  const locks = join('python', 'locks')

  /** Which locks pip was asked for. */
  async function asked(options: CreateOptions): Promise<string[]> {
    const pythonCommand = await pythonWithNotes()
    await expect(createEnvironment({ home, pythonCommand, ...options })).rejects.toThrow('pip install failed')
    const words = await readFile(join(folder, 'asked'), 'utf8')
    return [...words.matchAll(/--requirement \S*\/locks\/(\w+)\.txt/g)].map(([, name = '']) => name)
  }

  beforeEach(async () => {
    for (const name of ['generate', 'dev']) await writeFile(join(folder, locks, `${name}.txt`), `${name}\n`)
  })

  test('are the ones that were asked for', async () => {
    expect(await asked({ root })).toEqual(['worker'])
    expect(await asked({ root, generator: true })).toEqual(['worker', 'generate'])
    expect(await asked({ root, generator: true, developer: true })).toEqual(['worker', 'generate', 'dev'])
  })

  test('are also those that the one that is replaced was made with', async () => {
    const checkout = { ...root, checkout: true }
    const environment = await environmentFolder(checkout)
    await mkdir(environment)
    const record = { recordVersion, locks: { worker: 'old', generate: 'old' }, sitePackages: 'lib' }
    await writeFile(join(environment, 'environment.json'), JSON.stringify(record))
    expect(await asked({ root: checkout })).toEqual(['worker', 'generate'])
    await rm(join(folder, locks, 'generate.txt'))
    expect(await asked({ root: checkout })).toEqual(['worker'])
  })
})

test('plainly() tells how much room the locks need together, and what to run again', () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  const told = (locks: LockName[]) => (plainly(full, root, join(home, 'env'), locks) as Error).message
  expect(told(['worker'])).toMatch(/needs 350 MB .* run npx evidence-runner setup again/)
  expect(told(['worker', 'generate'])).toMatch(
    /needs 750 MB .* run npx evidence-runner setup --generator again/,
  )
  expect(neededBytes(['worker', 'generate', 'dev'])).toBe(800 * 2 ** 20)
})

describe('takeSetUpLock()', () => {
  test('lets one in at a time', async () => {
    const path = join(folder, 'lock')
    let inside = 0
    let most = 0
    const visit = async () => {
      await using _lock = await takeSetUpLock(path)
      inside += 1
      most = Math.max(most, inside)
      await new Promise(resolve => setTimeout(resolve, 20))
      inside -= 1
    }
    await Promise.all([visit(), visit(), visit()])
    expect(most).toBe(1)
  })

  test('takes over from an owner of unknown fate after a minute', async () => {
    const path = join(folder, 'lock')
    await mkdir(path)
    const longAgo = new Date(Date.now() - 61_000)
    await utimes(path, longAgo, longAgo)
    await using _lock = await takeSetUpLock(path)
    expect(await readdir(path)).toEqual(['owner.json'])
  })

  test('stops waiting when told to', async () => {
    const path = join(folder, 'lock')
    await using _lock = await takeSetUpLock(path)
    const waited: unknown[] = []
    const second = takeSetUpLock(path, { signal: AbortSignal.timeout(50), onWait: pid => waited.push(pid) })
    await expect(second).rejects.toThrow('timeout')
    expect(waited).toEqual([process.pid])
  })
})
