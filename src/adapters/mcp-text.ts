/** What people and models read of a tool's answer: a few lines, all of it in the structured content as well. */
import type { TraceStep } from '../core/trace.ts'
import type { StoredTrace } from '../plan/ports.ts'
import type { ToolError } from './door.ts'
import type { Answer, ManyAnswer } from './mcp-shapes.ts'

/** Citations that are shown; the rest are counted. */
const mostCitations = 5
/** Characters of a citation that are shown. */
const longestCitation = 300

/** Verdict, confidence, analysis and citations. */
export function answerText(answer: Answer): string {
  const { abstained, aiAnalysis, citations, errors, leaning, warnings } = answer
  const shown = citations.slice(0, mostCitations)
  return [
    headline(answer),
    ...(abstained && leaning !== null ? [`Not sure enough to say so; it leans to ${leaning}.`] : []),
    aiAnalysis,
    ...(shown.length === 0 ? [] : ['Citations:']),
    ...shown.map(
      ({ sourceId, stance, score, text }) => `- [${sourceId}] ${stance} ${two(score)}: ${clipped(text)}`,
    ),
    ...(citations.length > shown.length ? [`… and ${citations.length - shown.length} more.`] : []),
    ...warnings.map(warning => `Note: ${warning}`),
    ...errors.map(({ code, message }) => `Part of it failed: ${code}: ${message}`),
    `Answer ${answer.id}`,
  ]
    .filter(line => line !== '')
    .join('\n')
}

/** A line a claim. */
export const answersText = (answers: readonly ManyAnswer[]): string =>
  answers
    .map((answer, place) =>
      'error' in answer
        ? `${place + 1}. ${answer.taskId}: ${errorText(answer.error)}`
        : `${place + 1}. ${answer.taskId}: ${headline(answer)}`,
    )
    .join('\n')

/** Code, what is wrong, and when or how to come again. */
export function errorText({ code, message, retryable, retryAfterMs }: ToolError): string {
  const again =
    retryAfterMs !== undefined
      ? ` Come again after ${Math.ceil(retryAfterMs)} ms.`
      : code === 'ER_DEADLINE'
        ? ' Call again with a larger timeoutMs.'
        : retryable
          ? ' Trying again may help.'
          : ''
  return `${code}: ${message}${/[.!?]$/.test(message) ? '' : '.'}${again}`
}

/** A step a line, children indented. */
export const traceText = ({ id, at, status, record }: StoredTrace, holds: boolean): string =>
  [
    `Trace of ${id}, ${at}, ${status}; ${holds ? 'every hash follows from its parts' : 'ITS HASHES DO NOT HOLD'}`,
    `hash ${record.hash}`,
    ...stepsOf(record.steps).map(
      ({ depth, label, node, status: ended, traceHash }) =>
        `${'  '.repeat(depth)}${label === '' || label === node ? node : `${label}: ${node}`}  ${traceHash.slice(0, 12)}${ended === 'ok' ? '' : `  ${ended}`}`,
    ),
  ].join('\n')

/** The steps of a trace in plan order, each with how deep it lies. */
export const stepsOf = (
  steps: readonly TraceStep[],
  depth = 0,
): (Pick<TraceStep, 'node' | 'label' | 'status' | 'traceHash'> & { readonly depth: number })[] =>
  steps.flatMap(({ node, label, status, traceHash, children }) => [
    { depth, node, label, status, traceHash },
    ...stepsOf(children, depth + 1),
  ])

const headline = ({ verdict, confidence, confidenceMethod, calibration }: Answer): string =>
  `Verdict: ${verdict}, confidence ${two(confidence)} (${confidenceMethod}${calibration === 'uncalibrated' ? ', uncalibrated' : ''})`

const two = (value: number): string => value.toFixed(2)

const clipped = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > longestCitation ? `${line.slice(0, longestCitation)} …` : line
}
