/** A place of a source that may state what a claim states, and what it would say if it does. */

import type { Stance } from './interval.ts'
import type { Need } from './need.ts'
import type { Read } from './scene.ts'
import type { Figure, Part, Statement } from './statement.ts'

/** How the place was read. */
export type CandidateKind =
  | 'value'
  | 'change'
  | 'span'
  | 'list'
  | 'time'
  | 'order'
  | 'bound'
  | 'version'
  | 'compare'

/** One candidate; the first of `reads` is the one whose words are held against the claim's. */
export type Candidate = {
  readonly kind: CandidateKind
  readonly stance: Exclude<Stance, 'silent'>
  readonly reads: readonly Read[]
  readonly part: Part | undefined
  readonly figure?: Figure
  readonly found: string
  /** Statistics differ in a way that can be borne only now and then. */
  readonly otherStatistic?: boolean
  /** It tells of the opposite at that time. */
  readonly turned?: boolean
  /** Its rule has seen to it that what happened is told there. */
  readonly told?: boolean
  /** The unit was taken from a figure before. */
  readonly elliptic?: boolean
}

/** One thing that a claim says. */
export type Assertion = {
  readonly statement: Statement
  readonly need: Need
  readonly figure?: Figure
  readonly claimed: string
}
