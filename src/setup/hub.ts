/**
 * Finds a model on this machine by the name that a person gives it: a local folder, or a hub id with or without
 * a revision, looked up in the hub's cache on disk. Asks no network and reads no environment variable.
 *
 *   <hub cache>/models--org--name/refs/main            the commit that main was when it was fetched
 *   <hub cache>/models--org--name/snapshots/<commit>/  its files, links into ../../blobs
 */

import { access, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { errorOf } from '../core/errors.ts'

/** A name that is not a local folder: whose, which and at what revision. */
export type HubId = {
  /** `org/name`. */
  readonly id: string
  /** A commit, a branch or a tag. @default main */
  readonly revision: string | undefined
}

/** Where a model lies on this machine. */
export type LocatedModel = {
  /** Full path. */
  readonly folder: string
  /** `org/name` of a hub model, else the folder's own name. */
  readonly name: string
  /** The commit of a hub model; undefined for a local folder. */
  readonly commit: string | undefined
  /** What to write in a configuration so that it stays the same: `org/name@commit`, or the folder. */
  readonly pinned: string
}

/** What says where the hub's cache is, as the hub's own tools read it from the environment. */
export type HubVariables = {
  readonly HF_HUB_CACHE?: string | undefined
  readonly HUGGINGFACE_HUB_CACHE?: string | undefined
  readonly HF_HOME?: string | undefined
  readonly XDG_CACHE_HOME?: string | undefined
}

/** Where to look. */
export type HubOptions = {
  /** Full path of the hub's cache, see `hubCacheOf`. @default ~/.cache/huggingface/hub, on every system */
  readonly hubCache?: string | undefined
}

const commitPattern = /^[0-9a-f]{40}$/

/** The hub's cache by the hub's own conventions. The caller reads the environment. */
export function hubCacheOf(variables: HubVariables): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = variables
  const given = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE
  if (given) return resolve(atHome(given))
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  return resolve(atHome(home), 'hub')
}

const atHome = (path: string): string => (/^~(?=\/|$)/.test(path) ? join(homedir(), path.slice(1)) : path)

/** The parts of a hub id, or undefined for what can only be a folder. */
export function hubIdOf(name: string): HubId | undefined {
  const { 1: id, 2: revision } =
    /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([A-Za-z0-9][\w./-]*))?$/.exec(name) ?? []
  // The hub has no such names, and they would lead out of its cache.
  if (id === undefined || /--|\.\./.test(id) || revision?.includes('..')) return undefined
  return { id, revision }
}

/**
 * Where the model is. A local folder goes before a hub id of the same name. Looks at file facts only; whether
 * the folder is a model's is for its reader to say.
 *
 * @throws ModelError ER_MODEL_LOAD when it is not on this machine, with the command that fetches it.
 * @throws InputError ER_INPUT for a name that can't be one.
 */
export async function locateModel(name: string, options: HubOptions = {}): Promise<LocatedModel> {
  if (name.trim() === '')
    throw errorOf('ER_INPUT', 'Name a model: a folder, or an id such as mlx-community/…')
  const local = await localModel(name)
  if (local !== undefined) return local
  const hub = hubIdOf(name)
  if (hub === undefined) {
    throw errorOf(
      'ER_MODEL_LOAD',
      `No model folder ${resolve(atHome(name))}, and ${JSON.stringify(name)} is no id of the hub: that is owner/name, or owner/name@revision`,
    )
  }
  const { id, revision = 'main' } = hub
  const repository = join(options.hubCache ?? hubCacheOf({}), `models--${id.replace('/', '--')}`)
  const commit = commitPattern.test(revision)
    ? revision
    : (await readFile(join(repository, 'refs', revision), 'utf8').catch(() => '')).trim()
  const folder = join(repository, 'snapshots', commit)
  const there = commitPattern.test(commit) && (await isThere(join(folder, 'config.json')))
  if (!there) {
    throw errorOf(
      'ER_MODEL_LOAD',
      `${name} is not on this machine; run \`npx evidence-runner prepare ${name}\` (looked in ${repository})`,
    )
  }
  return { folder, name: id, commit, pinned: `${id}@${commit}` }
}

/** The model when `name` is a folder that exists. */
export async function localModel(name: string): Promise<LocatedModel | undefined> {
  const folder = resolve(atHome(name))
  const facts = await stat(folder).catch(() => undefined)
  if (facts?.isDirectory() !== true) return undefined
  const snapshot = /\/models--([^/]+?)--([^/]+)\/snapshots\/([0-9a-f]{40})$/.exec(folder)
  if (snapshot === null) return { folder, name: basename(folder), commit: undefined, pinned: folder }
  const { 1: owner, 2: own, 3: commit = '' } = snapshot
  return { folder, name: `${owner}/${own}`, commit, pinned: `${owner}/${own}@${commit}` }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
