/**
 * Chooses the passages that are worth embedding: all where they are few, else those that share words, names
 * and numbers with the claim, rare ones counting most. Each source keeps its best.
 */
import type { PassageTable, Span } from './passages.ts'
import type { Term } from './terms.ts'

/** A passage of a source, with how much of the claim's vocabulary it holds. */
export type Candidate = Span & {
  /** Place of the source in the request. */
  readonly source: number
  /** Weighted share of the claim's terms, 0 to 1. */
  readonly overlap: number
}

/**
 * At most `maxPassages` passages, in the order of the sources and of their text.
 * Every source that has room keeps its best passage; the rest are the best of all.
 */
export function selectPassages(
  tables: readonly PassageTable[],
  terms: readonly Term[],
  maxPassages: number,
): Candidate[] {
  const weights = rarityWeights(tables, terms)
  const bySource = tables.map((table, source) => candidatesOf(table, source, weights))
  const all = bySource.flat()
  if (all.length <= maxPassages) return all
  const chosen = new Set<Candidate>()
  const best = bySource.flatMap(candidates => (candidates.length === 0 ? [] : [candidates.reduce(better)]))
  // Half of the room for one a source, so that a long log can't crowd out a short report.
  for (const candidate of best.sort(byOverlap).slice(0, Math.ceil(maxPassages / 2))) chosen.add(candidate)
  for (const candidate of all.sort(byOverlap)) {
    if (chosen.size >= maxPassages) break
    chosen.add(candidate)
  }
  return [...chosen].sort(byPlace)
}

/** Each term's weight times its inverse document frequency (BM25's, never negative), scaled to sum to 1. */
function rarityWeights(tables: readonly PassageTable[], terms: readonly Term[]): number[] {
  const passages = tables.reduce((sum, table) => sum + table.offsets.length / 2, 0)
  const counts = new Array<number>(terms.length).fill(0)
  for (const { masks } of tables) {
    for (let index = 0; index < masks.length; index += 1) {
      for (let bits = masks[index] as number, base = (index & 1) * 32; bits !== 0; bits &= bits - 1) {
        const bit = base + 31 - Math.clz32(bits & -bits)
        counts[bit] = (counts[bit] ?? 0) + 1
      }
    }
  }
  const raw = terms.map(({ weight }, bit) => {
    const count = counts[bit] as number
    return weight * Math.log(1 + (passages - count + 0.5) / (count + 0.5))
  })
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return raw.map(weight => (total === 0 ? 0 : weight / total))
}

function candidatesOf(table: PassageTable, source: number, weights: readonly number[]): Candidate[] {
  const candidates: Candidate[] = []
  for (let index = 0; index < table.offsets.length; index += 2) {
    let overlap = 0
    for (let half = 0; half < 2; half += 1) {
      for (let bits = table.masks[index + half] as number; bits !== 0; bits &= bits - 1) {
        overlap += weights[half * 32 + 31 - Math.clz32(bits & -bits)] ?? 0
      }
    }
    candidates.push({
      source,
      start: table.offsets[index] as number,
      end: table.offsets[index + 1] as number,
      overlap,
    })
  }
  return candidates
}

const better = (a: Candidate, b: Candidate): Candidate => (b.overlap > a.overlap ? b : a)
const byPlace = (a: Candidate, b: Candidate): number => a.source - b.source || a.start - b.start
const byOverlap = (a: Candidate, b: Candidate): number => b.overlap - a.overlap || byPlace(a, b)
