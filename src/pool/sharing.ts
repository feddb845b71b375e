/**
 * Single flight: equal items of calls that allow it are computed once. One of them leads and goes through the
 * queue; the others follow and get what it gets.
 *
 *   join ──▶ leads ──▶ waiting ──▶ running ──▶ done        its followers are answered with it
 *        └─▶ follows ──▶ leads, when its leader's caller goes or fails before there is an answer
 *
 * The run is nobody's own: it goes on while anybody wants it, waits in the most urgent class of those who
 * want it, and ends none of them by another's abort, deadline or error. Who leads is charged.
 */
import type { RequestClass } from '../core/call.ts'
import type { Item, Job } from './job.ts'

const urgency: Readonly<Record<RequestClass, number>> = { interactive: 2, normal: 1, bulk: 0 }

export class Sharing {
  readonly #leaders = new Map<string, Item>()
  #joined = 0

  /** Items that followed another instead of running, since the start. */
  get joined(): number {
    return this.#joined
  }

  /**
   * Finds for each item of a new job whether it leads, and takes those that follow out of `job.queued`.
   * @returns what is to be withheld from the queue, as it waits in a less urgent class than the new job, and
   * what is known already: items of the new job beside the equal ones that are done.
   */
  join(job: Job): { readonly outrun: readonly Item[]; readonly known: readonly Known[] } {
    const outrun: Item[] = []
    const known: Known[] = []
    if (!mayShare(job)) return { outrun, known }
    const queued = job.queued.splice(0)
    for (const item of queued) {
      item.key = keyOf(item)
      const leader = this.#leaders.get(item.key)
      if (leader === undefined || leader.state === 'failed') {
        this.#lead(item, [])
        job.queued.push(item)
        continue
      }
      this.#joined += 1
      if (leader.state === 'done') known.push({ item, like: leader })
      else if (leader.state === 'waiting' && leader.deaths === 0 && isMoreUrgent(item, leader)) {
        outrun.push(leader)
        this.#lead(item, [...leader.followers.splice(0), leader])
        leader.state = 'following'
        job.queued.push(item)
      } else {
        leader.followers.push(item)
        item.state = 'following'
      }
    }
    return { outrun, known }
  }

  /**
   * Lets go of a job that is settled.
   * @returns the items of others that lead from now on and must wait in the queue.
   */
  leave(job: Job): Item[] {
    if (!mayShare(job)) return []
    const heirs: Item[] = []
    for (const item of job.items) {
      const leader = this.#leaders.get(item.key)
      if (leader === undefined) continue
      if (leader !== item) leader.followers = leader.followers.filter(follower => follower !== item)
      else if (item.state === 'waiting') heirs.push(...this.succeed(item))
      // What runs and is wanted will be answered, though not here; what is done or failed is being handed out.
      else if (item.state !== 'running' || !isWanted(item)) this.#leaders.delete(item.key)
    }
    return heirs
  }

  /**
   * Hands the lead of an item that will have no answer to the most urgent of its followers.
   * @returns that one, which must wait in the queue; nothing where nobody wants it.
   */
  succeed(item: Item): [] | [Item] {
    if (this.#leaders.get(item.key) === item) this.#leaders.delete(item.key)
    const followers = item.followers.splice(0).filter(({ job }) => job.open)
    const heir = followers.reduce<Item | undefined>(
      (best, follower) => (best === undefined || isMoreUrgent(follower, best) ? follower : best),
      undefined,
    )
    if (heir === undefined) return []
    heir.state = 'waiting'
    heir.blame = item.blame
    heir.deaths = item.deaths
    heir.counted = item.counted
    this.#lead(
      heir,
      followers.filter(follower => follower !== heir),
    )
    return [heir]
  }

  #lead(item: Item, followers: Item[]): void {
    item.followers = followers
    this.#leaders.set(item.key, item)
  }
}

/** An item of a new call, and an equal one that has been computed. */
export type Known = { readonly item: Item; readonly like: Item }

/** Answers an item with what the equal one came to, which ran before its call came. */
export const handOver = ({ item, like }: Known): void =>
  item.job.receive(item, like.job.resultOf(like.index), { sentAt: 0, receivedAt: 0, modelMs: 0, share: 0 })

/** Whether anybody waits for what an item comes to. */
export const isWanted = (item: Item): boolean =>
  item.job.open || item.followers.some(follower => follower.job.open)

/** Who hears of every step, or of a worker's death, can't be answered by another's run. */
const mayShare = ({ call }: Job): boolean =>
  call.share === true && call.onPart === undefined && call.restart !== false

function isMoreUrgent({ job: { context: a } }: Item, { job: { context: b } }: Item): boolean {
  if (a.class !== b.class) return urgency[a.class] > urgency[b.class]
  return a.deadline < b.deadline
}

const keyOf = ({ job, value }: Item): string =>
  typeof value === 'string' ? `${job.shareKey}"${value}` : `${job.shareKey}${JSON.stringify([value])}`
