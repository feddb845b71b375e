/** What a rule of the safety check is, and what it finds. A rule hangs on words that are found in one pass. */

/** What kind of thing stands in a source. */
export type MarkKind =
  | 'instruction'
  | 'role'
  | 'template'
  | 'tool-call'
  | 'comment'
  | 'exfiltration'
  | 'hidden'
  | 'secret'

/** A place in a source, half-open in UTF-16 units, and what stands there, in words that don't repeat it. */
export type Mark = {
  readonly kind: MarkKind
  readonly what: string
  readonly start: number
  readonly end: number
  /** Of two secrets in one place, the one with the lower rank is told. @default 1 */
  readonly rank?: number
}

/** A place that a rule found. */
export type Found = { readonly start: number; readonly end: number }

/** Looks whether what it knows stands at `at`, where one of its anchors begins. */
export type Rule = {
  readonly kind: MarkKind
  /** What it is, for the message: "it holds …". */
  readonly what: string
  /** ASCII, in lower case. */
  readonly anchors: readonly string[]
  /** Whether an anchor begins only where a word begins. @default false */
  readonly whole?: boolean
  readonly find: (text: string, at: number) => Found | undefined
  readonly rank?: number
}

/** Where `pattern`, which is sticky, stands at `at`; its first group where it has one that took part. */
export function matchAt(pattern: RegExp, text: string, at: number): Found | undefined {
  pattern.lastIndex = at
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [whole, part] = match
  if (part === undefined) return { start: at, end: at + whole.length }
  const end = at + whole.length - (whole.length - whole.lastIndexOf(part) - part.length)
  return { start: end - part.length, end }
}

/** A rule that is one pattern beginning with its anchors. The pattern is to be sticky and its repeats bounded. */
export function patternRule(
  kind: MarkKind,
  what: string,
  anchors: readonly string[],
  pattern: RegExp,
  accept: (text: string, found: Found) => boolean = () => true,
): Rule {
  return {
    kind,
    what,
    anchors,
    find: (text, at) => {
      const found = matchAt(pattern, text, at)
      return found !== undefined && accept(text, found) ? found : undefined
    },
  }
}
