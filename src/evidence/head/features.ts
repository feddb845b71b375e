/**
 * What the head looks at in a claim and a passage together, as numbers of about 0 to 1 (or -1 to 1). Training and
 * inference both come here, so that they can't differ.
 */
import type { Signs, Word } from './signs.ts'

/** The features by name, in the order of the array. */
export const featureNames = [
  ...['cosine', 'cosineAbove', 'recall', 'precision', 'plainRecall', 'plainPrecision', 'neighbourRecall'],
  ...['missing', 'rarestMissing', 'extra', 'almost', 'onlyOneMissing'],
  ...['numbersShared', 'numbersMissing', 'numbersMissingWhereSome', 'noNumbers'],
  ...['namesShared', 'namesMissing', 'namesMissingWhereSome', 'noNames'],
  ...['negatedClaim', 'negatedPassage', 'negationsDiffer', 'turnedWords', 'turnedShare'],
  ...['opposites', 'oppositesKept', 'oppositesTurned', 'claimUp', 'claimDown', 'passageUp', 'passageDown'],
  ...['direction', 'directionTurned', 'doubts', 'moreDoubts', 'assurances', 'claimDoubts'],
  ...['claimHedges', 'passageHedges', 'claimAbsolutes', 'passageAbsolutes', 'absolutesDiffer'],
  ...['claimPlans', 'passagePlans', 'plansDiffer', 'claimLength', 'passageLength', 'lengthRatio', 'question'],
] as const

/** The sum of products: of two vectors of length 1, as the library's encoders give them, their cosine. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index += 1) sum += (a[index] as number) * (b[index] as number)
  return sum
}

/** The features of `claim` and `passage`, whose vectors have this cosine. */
export function featuresOf(claim: Signs, passage: Signs, cosine: number): Float32Array {
  const shared = sharedOf(claim, passage)
  const { recall, precision, missing, rarest, turned } = shared
  const numbers = partOf(claim.numbers, passage.numbers)
  const names = partOf(claim.names, passage.words)
  const against = oppositesOf(claim, passage)
  const [negatedClaim, negatedPassage] = [capped(claim.negations, 2), capped(passage.negations, 3)]
  const differ = claim.negations % 2 === passage.negations % 2 ? 0 : 1
  const [claimWay, passageWay] = [wayOf(claim), wayOf(passage)]
  const numberGap = passage.numbers.size > 0 ? numbers.missing : 0
  const nameGap = passage.names.size > 0 ? names.missing : 0
  return Float32Array.of(
    ...[cosine, Math.max(0, cosine - 0.5), recall, precision, shared.plainRecall, shared.plainPrecision],
    ...[partOf(claim.neighbours, passage.neighbours).share, capped(missing, 6), rarest],
    ...[capped(shared.extra, 20), recall * recall * rarest, shared.missingWords === 1 ? recall : 0],
    ...[numbers.share, capped(numbers.missing, 2), capped(numberGap, 2), claim.numbers.size === 0 ? 1 : 0],
    ...[names.share, capped(names.missing, 3), capped(nameGap, 3), claim.names.size === 0 ? 1 : 0],
    ...[negatedClaim, negatedPassage, differ * recall, capped(turned, 3), shared.turnedShare],
    ...[capped(against.count, 3), against.kept, against.turned],
    ...[capped(claim.up, 2), capped(claim.down, 2), capped(passage.up, 4), capped(passage.down, 4)],
    ...[claimWay * passageWay, claimWay * passageWay * (differ === 1 ? -1 : 1)],
    ...[capped(passage.doubts, 3), capped(Math.max(0, passage.doubts - claim.doubts), 2)],
    ...[capped(passage.assurances, 3), capped(claim.doubts, 2)],
    ...[capped(claim.hedges, 2), capped(passage.hedges, 3)],
    ...[capped(claim.absolutes, 2), capped(passage.absolutes, 3)],
    capped(Math.max(0, claim.absolutes - passage.absolutes), 2),
    ...[capped(claim.plans, 2), capped(passage.plans, 3), claim.plans > 0 === passage.plans > 0 ? 0 : 1],
    ...[Math.log1p(claim.length) / 5, Math.log1p(passage.length) / 5],
    Math.log((1 + passage.length) / (1 + claim.length)) / 3,
    claim.question ? 1 : 0,
  )
}

const capped = (value: number, most: number): number => Math.min(value, most) / most

/** Up or down where a text says only one of them; 0 where it says neither or both. */
const wayOf = ({ up, down }: Signs): number => (up > 0 ? 1 : 0) - (down > 0 ? 1 : 0)

type Shared = {
  readonly recall: number
  readonly precision: number
  readonly plainRecall: number
  readonly plainPrecision: number
  readonly missing: number
  readonly missingWords: number
  readonly rarest: number
  readonly extra: number
  readonly turned: number
  readonly turnedShare: number
}

/** Which words of the claim stand in the passage, weighed by how rare they are. */
function sharedOf(claim: Signs, passage: Signs): Shared {
  let [found, missing, rarest, count, turned, turnedWeight] = [0, 0, 0, 0, 0, 0]
  for (const [stem, word] of claim.words) {
    const other = passage.words.get(stem)
    if (other === undefined) {
      missing += word.rarity
      rarest = Math.max(rarest, word.rarity)
      continue
    }
    found += word.rarity
    count += 1
    if (other.negated !== word.negated) {
      turned += 1
      turnedWeight += word.rarity
    }
  }
  const all = total(passage.words)
  return {
    recall: ratio(found, found + missing),
    precision: ratio(found, all),
    plainRecall: ratio(count, claim.words.size),
    plainPrecision: ratio(count, passage.words.size),
    missing,
    missingWords: claim.words.size - count,
    rarest,
    extra: all - found,
    turned,
    turnedShare: ratio(turnedWeight, found),
  }
}

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)

function total(words: ReadonlyMap<string, Word>): number {
  let sum = 0
  for (const { rarity } of words.values()) sum += rarity
  return sum
}

type Part = { readonly share: number; readonly missing: number }

/** How much of `wanted` is in `there`. */
function partOf(
  wanted: ReadonlySet<string>,
  there: ReadonlySet<string> | ReadonlyMap<string, unknown>,
): Part {
  let found = 0
  for (const item of wanted) if (there.has(item)) found += 1
  return { share: ratio(found, wanted.size), missing: wanted.size - found }
}

type Opposites = { readonly count: number; readonly kept: number; readonly turned: number }

/** Words of the claim whose opposite stands in the passage while they do not; turned: there is a negation, too. */
function oppositesOf(claim: Signs, passage: Signs): Opposites {
  const [against, kept] = [new Set<string>(), new Set<string>()]
  let turned = 0
  for (const [side, stem] of claim.sides) {
    const other = passage.sides.get(side ^ 1)
    if (passage.words.has(stem) || passage.sides.get(side) === stem) kept.add(stem)
    else if (other !== undefined && !against.has(stem)) {
      against.add(stem)
      if (isNegated(claim, stem) !== isNegated(passage, other)) turned += 1
    }
  }
  return { count: against.size, kept: capped(kept.size, 3), turned: capped(turned, 2) }
}

const isNegated = (signs: Signs, stem: string): boolean => signs.words.get(stem)?.negated ?? false
