/**
 * What this process holds: descriptors, timers (those that do not keep it alive, too), whatever else the event
 * loop waits for, and listeners on the process. Taken before and after, it tells what was left behind.
 */
import { createHook } from 'node:async_hooks'
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { turns } from '../support/condition.ts'

const timers = new Set<number>()
const hook = createHook({
  init: (id, type) => {
    if (type === 'Timeout') timers.add(id)
  },
  destroy: id => {
    timers.delete(id)
  },
})

/** What is held at one moment; each entry is one thing, and equal things are listed as often as they are. */
export type Footprint = {
  readonly descriptors: readonly string[]
  readonly resources: readonly string[]
  readonly timers: ReadonlySet<number>
  readonly listeners: readonly string[]
}

/** Starts to watch timers; those made before are not seen. */
export const watchTimers = (): void => {
  hook.enable()
}

/** What this process holds now. */
export async function footprint(): Promise<Footprint> {
  await turns()
  return {
    descriptors: descriptors(),
    resources: process.getActiveResourcesInfo(),
    timers: new Set(timers),
    listeners: process
      .eventNames()
      .flatMap(name => process.listeners(name as 'exit').map(() => String(name))),
  }
}

/** What is held now and was not `before`, in words. Waits a little for what is being let go. */
export async function leftSince(before: Footprint): Promise<{ left: string[]; descriptors: number }> {
  const end = performance.now() + 1000
  for (;;) {
    const after = await footprint()
    const descriptors = more(before.descriptors, after.descriptors)
    const left = [
      ...descriptors.map(each => `descriptor ${each}`),
      ...more(before.resources, after.resources),
      ...more(before.listeners, after.listeners).map(name => `listener on ${name}`),
      ...[...after.timers].filter(id => !before.timers.has(id)).map(id => `timer ${id}`),
    ]
    if (left.length === 0 || performance.now() > end) return { left, descriptors: descriptors.length }
    await pause(20)
  }
}

/** What `after` has more of than `before`. */
function more(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...before]
  return after.filter(each => {
    const place = rest.indexOf(each)
    if (place < 0) return true
    rest.splice(place, 1)
    return false
  })
}

/** What each open descriptor is, by kind; empty where the system does not tell. */
function descriptors(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap(name => {
    try {
      // The number behind `socket:` and `pipe:` differs from one to the next of the same kind.
      return [
        readlinkSync(`/proc/self/fd/${name}`)
          .replace(/:\[\d+\]$/, '')
          .replace(/\/proc\/\d+\/fd/, 'fd'),
      ]
    } catch {
      return [] // the one that the listing itself needed
    }
  })
}
