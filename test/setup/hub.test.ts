/** Finding a model by its name, on made-up caches: a folder, an id, an id with a revision. */

import { mkdir, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hubCacheOf, hubIdOf, locateModel } from '../../src/setup/hub.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const hubCache = join(folder.path, 'hub')
const [first, second] = ['1', '2'].map(digit => digit.repeat(40)) as [string, string]

/** A snapshot as the hub's tools lay it out: its files are links into blobs. */
async function layOut(repository: string, commit: string): Promise<string> {
  const snapshot = join(hubCache, repository, 'snapshots', commit)
  await folder.write(join('hub', repository, 'blobs', 'abc'), '{}')
  await mkdir(snapshot, { recursive: true })
  await symlink(join('..', '..', 'blobs', 'abc'), join(snapshot, 'config.json'))
  return snapshot
}

describe('locateModel()', () => {
  test('finds main, a branch, a pull request and a commit of a hub model', async () => {
    const repository = 'models--mlx-community--Tiny-4bit'
    const [old, recent] = [await layOut(repository, first), await layOut(repository, second)]
    await folder.write(join('hub', repository, 'refs', 'main'), second)
    await folder.write(join('hub', repository, 'refs', 'refs/pr/1'), `${first}\n`)
    const name = 'mlx-community/Tiny-4bit'
    expect(await locateModel(name, { hubCache })).toEqual({
      folder: recent,
      name,
      commit: second,
      pinned: `${name}@${second}`,
    })
    for (const revision of [first, 'refs/pr/1']) {
      expect(await locateModel(`${name}@${revision}`, { hubCache })).toEqual({
        folder: old,
        name,
        commit: first,
        pinned: `${name}@${first}`,
      })
    }
    expect((await locateModel(old, { hubCache })).pinned).toBe(`${name}@${first}`)
  })

  test('takes a local folder as it is, before a hub id of the same name', async () => {
    await folder.write('own/model/config.json', '{}')
    const path = join(folder.path, 'own', 'model')
    expect(await locateModel(path)).toEqual({ folder: path, name: 'model', commit: undefined, pinned: path })
    await layOut('models--src--adapters', first)
    await folder.write('hub/models--src--adapters/refs/main', first)
    expect((await locateModel('src/adapters', { hubCache })).commit).toBeUndefined()
  })

  test.each([
    [
      'a model that was never fetched',
      'mlx-community/Nowhere',
      /is not on this machine.*prepare mlx-community\/Nowhere`/,
    ],
    [
      'another revision',
      `mlx-community/Tiny-4bit@${'3'.repeat(40)}`,
      /is not on this machine.*prepare .*@333/,
    ],
    ['a branch that was never fetched', 'mlx-community/Tiny-4bit@dev', /is not on this machine.*@dev`/],
    ['a folder that is not there', './models/nowhere', /No model folder .*nowhere.*is no id of the hub/],
    ['a name without an owner', 'Qwen3-4B-4bit', /is no id of the hub: that is owner\/name/],
    ['a way out of the cache', 'a/b@../../../../etc', /is no id of the hub/],
  ])('says of %s what to do', async (_what, name, message) => {
    await expect(locateModel(name, { hubCache })).rejects.toMatchObject({
      name: 'ModelError',
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(message),
    })
  })

  test('refuses a name that is none, and a ref that holds no commit', async () => {
    await expect(locateModel(' ')).rejects.toMatchObject({ code: 'ER_INPUT' })
    await layOut('models--org--broken', first)
    await folder.write('hub/models--org--broken/refs/main', '..')
    await expect(locateModel('org/broken', { hubCache })).rejects.toMatchObject({ code: 'ER_MODEL_LOAD' })
  })
})

test('hubIdOf() tells ids from folders', () => {
  expect(hubIdOf('org/na.me-4bit')).toEqual({ id: 'org/na.me-4bit', revision: undefined })
  expect(hubIdOf('org/name@refs/pr/2')).toEqual({ id: 'org/name', revision: 'refs/pr/2' })
  for (const name of ['name', '/org/name', './org/name', '../org', 'a/b/c', 'a--b/c', 'a/b@', 'a/..', '~/x'])
    expect(hubIdOf(name), name).toBeUndefined()
})

test('hubCacheOf() follows the hub, an empty variable being none', () => {
  expect(hubCacheOf({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'))
  expect(hubCacheOf({ XDG_CACHE_HOME: '/x', HF_HOME: '' })).toBe('/x/huggingface/hub')
  expect(hubCacheOf({ HF_HOME: '/h', XDG_CACHE_HOME: '/x' })).toBe('/h/hub')
  expect(hubCacheOf({ HF_HOME: '~/models' })).toBe(join(homedir(), 'models', 'hub'))
  expect(hubCacheOf({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/old')
  expect(hubCacheOf({ HF_HUB_CACHE: '/c', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/c')
})
