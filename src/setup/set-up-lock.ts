/**
 * Lets one set-up at a time work on an environment folder, also across processes. A lock whose owner died
 * (Ctrl-C, kill -9, a power cut) is taken over. Not for anything that must be fair or quick.
 *
 *   <folder>.lock/owner.json   { pid, host }; the folder's time is renewed while its owner lives
 */

import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const renewEveryMs = 5_000
/** Older than this means dead, wherever its owner ran. */
const staleAfterMs = 60_000
const lookEveryMs = 200

/** How to wait for the lock. */
export type SetUpLockOptions = {
  readonly signal?: AbortSignal | undefined
  /** Called once, with the process that holds the lock, when there is waiting to do. */
  readonly onWait?: (ownerPid: number | undefined) => void
}

/** Waits for the lock. Dispose of what it returns to let the next one in. */
export async function takeSetUpLock(path: string, options: SetUpLockOptions = {}): Promise<AsyncDisposable> {
  let waited = false
  while (!(await tryToTake(path))) {
    options.signal?.throwIfAborted()
    const owner = await ownerOf(path)
    if (await isStale(path, owner)) {
      await clearStale(path)
      continue
    }
    if (!waited) options.onWait?.(owner?.pid)
    waited = true
    await sleep(lookEveryMs, undefined, { signal: options.signal }).catch(() =>
      options.signal?.throwIfAborted(),
    )
  }
  const renewal = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, renewEveryMs)
  renewal.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(renewal)
      await rm(path, { recursive: true, force: true })
    },
  }
}

type Owner = { readonly pid: number; readonly host: string }

async function tryToTake(path: string): Promise<boolean> {
  try {
    await mkdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  await writeFile(
    join(path, 'owner.json'),
    JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner),
  )
  return true
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(join(path, 'owner.json'), 'utf8')) as Owner
  } catch {
    // Just being made, just being removed, or its owner died in between: time tells.
    return undefined
  }
}

async function isStale(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner !== undefined && owner.host === hostname() && !isAlive(owner.pid)) return true
  const facts = await stat(path).catch(() => undefined)
  return facts !== undefined && Date.now() - facts.mtimeMs > staleAfterMs
}

/**
 * Removes a dead owner's lock. Of several that saw it dead only one may, or the second would remove the lock
 * that the first has since taken; so it looks once more under a small lock of its own.
 */
async function clearStale(path: string): Promise<void> {
  const clearing = `${path}.clearing`
  try {
    await mkdir(clearing)
  } catch {
    const facts = await stat(clearing).catch(() => undefined)
    if (facts !== undefined && Date.now() - facts.mtimeMs > staleAfterMs) {
      await rm(clearing, { recursive: true, force: true })
    }
    await sleep(lookEveryMs)
    return
  }
  try {
    if (await isStale(path, await ownerOf(path))) await rm(path, { recursive: true, force: true })
  } finally {
    await rm(clearing, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
