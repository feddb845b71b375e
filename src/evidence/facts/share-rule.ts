/** Claims that something holds of all, against a sentence that says of how many of how many it holds. */
import type { Candidate } from './candidate.ts'
import type { Scene } from './scene.ts'
import type { Statement } from './statement.ts'

/** True where `claim` says without a figure that something holds of all. */
export const isOfAll = ({ text, figures, whens }: Statement): boolean =>
  figures.length === 0 &&
  whens.length === 0 &&
  /^(?:All|Every|Each)\b/.test(text) &&
  !/\b(?:not|never|no|but|except|almost|nearly)\b|n['’]t\b/i.test(text)

/** What "11 of 12" says to it. */
export function shareCandidates(scene: Scene): Candidate[] {
  return scene.reads.flatMap(read =>
    read.figures.flatMap((figure): Candidate[] => {
      const { total, quantity, comparison, part } = figure
      if (total === undefined || total.dimension !== quantity.dimension || comparison !== 'exact') return []
      if (figure.negated || quantity.value > total.value || total.value < 2) return []
      return [
        {
          kind: 'value',
          stance: quantity.value === total.value ? 'supports' : 'refutes',
          reads: [read],
          part,
          figure,
          found: `${quantity.text} of ${total.text}`,
        },
      ]
    }),
  )
}
