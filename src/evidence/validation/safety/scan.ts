/** Looks through a text for everything that the rules know, in one pass that can be taken in parts. */
import { type AnchorScan, anchorScan } from './anchors.ts'
import { frameRules } from './frames.ts'
import { HiddenText } from './hidden-text.ts'
import { injectionRules } from './injections.ts'
import type { Mark, Rule } from './rule.ts'
import { secretRules } from './secrets.ts'

/** Marks of one text that are kept; more are counted only. */
const mostKept = 1000

/** What stands in a text: marks in order, not overlapping in their family, and how many more there were. */
export type Marks = { readonly marks: readonly Mark[]; readonly more: number }

/** All rules, ready to look through texts. Made once, since that takes about a millisecond. */
export class Scanner {
  readonly #scan: AnchorScan
  /** For each anchor, the rules that hang on it. */
  readonly #rules: readonly (readonly Rule[])[]

  constructor(rules: readonly Rule[] = [...secretRules(), ...injectionRules(), ...frameRules()]) {
    const byAnchor = new Map<string, Rule[]>()
    for (const rule of rules) {
      for (const anchor of rule.anchors) byAnchor.set(anchor, [...(byAnchor.get(anchor) ?? []), rule])
    }
    this.#scan = anchorScan([...byAnchor.keys()])
    this.#rules = [...byAnchor.values()]
  }

  /** Begins with a text; nothing is read yet. */
  over(text: string): Passage {
    const hidden = new HiddenText(text)
    const marks: Mark[] = []
    let more = 0
    const hit = (anchor: number, start: number) => {
      const inWord = isInWord(text, start)
      for (const { find, kind, rank = 1, what, whole } of this.#rules[anchor] as readonly Rule[]) {
        if (whole === true && inWord) continue
        const found = find(text, start)
        if (found === undefined) continue
        if (marks.length < mostKept) marks.push({ kind, what, ...found, rank })
        else more += 1
      }
    }
    const see = (unit: number, index: number) => hidden.see(unit, index)
    return {
      read: (from, to) => this.#scan(text, from, to, hit, see),
      marks: () => ({ marks: apart([...marks, ...hidden.marks()]), more }),
    }
  }
}

/** One text on its way through. */
export type Passage = {
  /** Reads on; parts follow each other without a gap. */
  readonly read: (from: number, to: number) => void
  readonly marks: () => Marks
}

/** In order, and of two in one place only the first, or where they begin together the more telling. */
function apart(marks: readonly Mark[]): Mark[] {
  const sorted = marks.toSorted((a, b) => a.start - b.start || (a.rank ?? 1) - (b.rank ?? 1) || b.end - a.end)
  const ends = { secret: 0, other: 0 }
  return sorted.filter(({ end, kind, start }) => {
    const family = kind === 'secret' ? 'secret' : 'other'
    if (start < ends[family]) return false
    ends[family] = end
    return true
  })
}

/** Whether a word goes on at `start`; a hyphen joins two, and other scripts don't write these words together. */
function isInWord(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1)
  return isWordPart(before) || (before === hyphen && isWordPart(text.charCodeAt(start - 2)))
}

const hyphen = 0x2d

/** ASCII letters, digits and `_`. */
function isWordPart(unit: number): boolean {
  const lower = unit | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f
}
