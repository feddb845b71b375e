/**
 * What is asked of workers for a piece of reading: vectors of its texts and, where a verifier is configured, its
 * word on the passages, at once. As plan nodes, and as what they may cost.
 */
import { leastOf, mostOf } from '../core/budgeted-dispatch.ts'
import { type Call, type VariantRef, type Vectors, vectorsOf } from '../core/call.ts'
import type { Spend } from '../core/ledger.ts'
import { type EncoderRef, roleOptions, type TextRole } from '../models/encoder.ts'
import { bind, type PlanNode, parallel, remote, type Settled, stage } from '../plan/node.ts'
import { recipeVersion } from './reading.ts'
import { portableState, type State, withVectors, withVerified } from './state.ts'

/** The name that every dispatch for vectors has in plans. */
export const embedName = 'evidence.embed'
/** The name that every dispatch to a verifier has in plans. */
const verifyName = 'evidence.verify'

const charactersPerToken = 4

/** Who is asked, and how. */
export type Asking = {
  readonly encoder: EncoderRef
  readonly verifier: VariantRef | undefined
  readonly fallback: 'lexical' | 'error'
  readonly reproducible: boolean
  /** Those of a call's texts that would have to be computed. */
  readonly uncached: (call: Call) => readonly string[]
  /** Milliseconds that a token takes, measured or guessed. */
  readonly tokenMs: number
}

/** Texts by place, the claim's at 0, and their hashes. */
export type Texts = { readonly texts: readonly string[]; readonly hashes: readonly string[] }

/** `computed` is that part of the call which is not known already. */
type Asked = {
  readonly name: 'claim' | 'embed' | 'verify'
  readonly places: readonly number[]
  readonly call: Call
  readonly computed: Call
}

type Replies = {
  readonly embed: Settled<Vectors>
  /** Of an encoder that reads questions by another beginning than what is searched. */
  readonly claim?: Settled<Vectors>
  readonly verify?: Settled<Vectors>
}

/** The most that reading the texts at `places` can take. */
export function mostFor(asking: Asking, all: Texts, places: readonly number[]): Spend {
  const most = callsFor(asking, all, places).map(({ computed }) => mostOf(computed))
  return {
    nanoUsd: sumOver(most, ({ nanoUsd }) => nanoUsd),
    tokens: sumOver(most, ({ tokens }) => tokens),
    calls: sumOver(most, ({ calls }) => calls),
    workerMs: sumOver(most, ({ workerMs }) => workerMs),
  }
}

/** About how many tokens would have to be computed for the texts at `places`. */
export const tokensFor = (asking: Asking, all: Texts, places: readonly number[]): number =>
  sumOver(callsFor(asking, all, places), ({ computed: { items, variant } }) => tokensOf(items, variant))

/** About how many tokens texts, or pairs of them, are to a model. */
export const tokensOf = (items: readonly unknown[], { limits }: VariantRef): number =>
  sumOver(items, item => Math.min(limits.maxTokens, 2 + String(item).length / charactersPerToken))

/** The dispatches for the texts at `places`, at once, and what becomes of the state with them. */
export function readPassages(asking: Asking, all: Texts, places: readonly number[]): PlanNode<State, State> {
  const { fallback } = asking
  const calls = callsFor(asking, all, places)
  const nodes = Object.fromEntries(calls.map(asked => [asked.name, nodeOf(asking, all, asked)]))
  const placesOf = (of: Asked['name']) => calls.find(({ name }) => name === of)?.places ?? []
  const keep = stage<State & { readonly reply: Replies }, State>(
    'evidence.vectors',
    ({ reply, ...state }) => {
      const { claim, embed, verify } = reply
      const asked = claim === undefined ? state : withVectors(state, placesOf('claim'), claim, fallback)
      const read = withVectors(asked, placesOf('embed'), embed, fallback)
      return withVerified(read, placesOf('verify'), verify, fallback)
    },
    {
      version: recipeVersion,
      effects: ['pure'],
      memo: false,
      config: { places, fallback },
      portable: {
        input: ({ reply: { claim, embed, verify }, ...state }) => [
          portableState(state),
          claim?.status ?? 'none',
          embed.status,
          verify?.status ?? 'none',
        ],
        output: portableState,
      },
    },
  )
  const reply = parallel(nodes, { onError: 'settle' }) as unknown as PlanNode<State, Replies>
  return bind({ reply }, keep)
}

/** The dispatches that the texts at `places` take. */
function callsFor(asking: Asking, { texts }: Texts, places: readonly number[]): Asked[] {
  const { encoder, verifier, reproducible, uncached } = asking
  const options = reproducible ? { pad: 'fixed' } : {}
  const passages = places.filter(place => place > 0)
  const embedding = (name: 'claim' | 'embed', places: readonly number[], role?: TextRole): Asked => {
    const items = places.map(place => texts[place] as string)
    const as = role === undefined ? {} : roleOptions(encoder, role)
    const call = { variant: encoder, items, options: { ...options, ...as } }
    return { name, places, call, computed: { ...call, items: uncached(call) } }
  }
  const calls =
    encoder.roles === true
      ? [
          ...(places.includes(0) ? [embedding('claim', [0], 'query')] : []),
          embedding('embed', passages, 'document'),
        ]
      : [embedding('embed', places)]
  if (verifier !== undefined && passages.length > 0) {
    const items = passages.map(place => [texts[0], texts[place]])
    // Equal pairs of requests under way are judged once.
    const call = { variant: verifier, items, options, share: true }
    calls.push({ name: 'verify', places: passages, call, computed: call })
  }
  return calls
}

function nodeOf(
  { reproducible, tokenMs }: Asking,
  all: Texts,
  { name, places, call, computed }: Asked,
): PlanNode<State, Vectors> {
  const hashes = places.map(place => all.hashes[place] as string)
  const most = mostOf(computed)
  const { variant, ...rest } = call
  return remote<State, Vectors>(variant, {
    name: name === 'verify' ? verifyName : embedName,
    version: recipeVersion,
    config: {
      texts: name === 'verify' ? [all.hashes[0], ...hashes] : hashes,
      reproducible,
      ...(name === 'claim' ? { as: 'query' } : {}),
    },
    call: () => rest,
    result: vectorsOf,
    // A worker may be quicker than it ever was, and no deadline is refused on a guess.
    cost: { least: leastOf(computed), most: { ...most, timeMs: most.tokens * tokenMs } },
    memo: false, // vectors have a cache of their own
    portable: { input: portableState, output: () => hashes },
  })
}

const sumOver = <T>(list: readonly T[], amountOf: (each: T) => number): number =>
  list.reduce((sum, each) => sum + amountOf(each), 0)
