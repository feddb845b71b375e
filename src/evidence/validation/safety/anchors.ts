/**
 * Finds many short words in a text in one pass, whatever their case: an Aho–Corasick automaton over ASCII.
 * Rules hang on such words, so that the cost of a text does not grow with the number of rules.
 */

/** Called with the anchor's number and where it begins, in the order in which anchors end. */
export type OnAnchor = (anchor: number, start: number) => void

/** Called for a character that can't be seen, or that changes what is seen. */
export type OnHidden = (unit: number, index: number) => void

/** Finds the anchors that end in [from, to) of a text. */
export type AnchorScan = (text: string, from: number, to: number, hit: OnAnchor, hidden: OnHidden) => void

/** Both cases of a letter are one class, and so is all white space; what stands in no anchor is class 0. */
const asciiUnits = 128

/** Anchors are ASCII, in lower case, not empty and different; a space in one stands for any white space. */
export function anchorScan(anchors: readonly string[]): AnchorScan {
  const classes = classesOf(anchors)
  const { endings, next } = automatonOf(anchors, classes)
  const lengths = anchors.map(({ length }) => length)
  const longest = Math.max(...lengths)
  return (text, from, to, hit, hidden) => {
    let row = 0
    // An anchor may have begun before.
    for (let index = Math.max(0, from - longest + 1); index < to; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit >= asciiUnits) {
        row = 0
        if (isHidden(unit) && index >= from) hidden(unit, index)
        continue
      }
      row = next[row + (classes[unit] as number)] as number
      if (row >= 0) continue
      row = ~row
      if (index < from) continue
      for (const anchor of endings.get(row) ?? []) hit(anchor, index + 1 - (lengths[anchor] as number))
    }
  }
}

/**
 * Zero-width characters, bidirectional controls, tag characters (their first half in UTF-16 is U+DB40, which
 * they share with variation selectors that nobody types) and the soft hyphen's kin.
 */
function isHidden(unit: number): boolean {
  if (unit < 0x200b) return unit === 0x180e
  return (
    unit <= 0x200d ||
    (unit >= 0x202a && unit <= 0x202e) ||
    (unit >= 0x2060 && unit <= 0x206f) ||
    unit === 0xfeff ||
    unit === 0xdb40
  )
}

function classesOf(anchors: readonly string[]): Uint8Array {
  const classes = new Uint8Array(asciiUnits)
  let count = 0
  for (const character of new Set(anchors.join(''))) {
    count += 1
    for (const same of character === ' ' ? ' \t\n\r\f' : [character, character.toUpperCase()])
      classes[same.charCodeAt(0)] = count
  }
  return classes
}

/** States are rows of one table. */
type Automaton = {
  /** Of each row: for each class where the row begins that comes after, as `~row` where an anchor ends there. */
  readonly next: Int32Array
  /** The anchors that end where a row is reached, the longest first. */
  readonly endings: ReadonlyMap<number, readonly number[]>
}

function automatonOf(anchors: readonly string[], classes: Uint8Array): Automaton {
  const width = Math.max(...classes) + 1
  const next = new Int32Array(anchors.reduce((sum, { length }) => sum + length, 1) * width)
  const own = new Map<number, number>()
  let rows = width
  for (const [number, anchor] of anchors.entries()) {
    let row = 0
    for (let place = 0; place < anchor.length; place += 1) {
      const step = row + (classes[anchor.charCodeAt(place)] as number)
      if (next[step] === 0) {
        next[step] = rows
        rows += width
      }
      row = next[step] as number
    }
    own.set(row, number)
  }
  const endings = linked(next, width, own)
  const used = next.subarray(0, rows).map(row => (endings.has(row) ? ~row : row))
  return { next: used, endings }
}

/**
 * Fills in the steps that fall back to a shorter beginning, and tells what ends in each row; breadth first, so
 * that the shorter is known.
 */
function linked(
  next: Int32Array,
  width: number,
  own: ReadonlyMap<number, number>,
): ReadonlyMap<number, readonly number[]> {
  const shorter = new Map([[0, 0]])
  const endings = new Map<number, readonly number[]>()
  const queue = [0]
  for (const row of queue) {
    const back = shorter.get(row) as number
    const anchor = own.get(row)
    const inner = row === 0 ? [] : (endings.get(back) ?? [])
    const all = anchor === undefined ? inner : [anchor, ...inner]
    if (all.length > 0) endings.set(row, all)
    // Class 0 leads to the first row from everywhere.
    for (let step = 1; step < width; step += 1) {
      const fallback = row === 0 ? 0 : (next[back + step] as number)
      const child = next[row + step] as number
      if (child === 0) next[row + step] = fallback
      else {
        shorter.set(child, fallback)
        queue.push(child)
      }
    }
  }
  return endings
}
