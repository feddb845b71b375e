/**
 * `check --stream`: analyses on the screen as they are being written, or as JSON lines of their own.
 */
import type { TextEvent, TextListener } from '../evidence/narration.ts'
import { clean, type Terminal } from './terminal.ts'

/** Shows text as it comes, as lines of the terminal; what is void is said to be so. */
export function shownOn(terminal: Terminal): TextListener {
  return event => {
    if ('restarted' in event) terminal.stream('\n(the text above is void; it comes anew)\n')
    else terminal.stream(cleanLines(event.text))
  }
}

/** Each event as a line of JSON: `{ event: 'text', taskId, text }` or `{ event: 'restarted', taskId }`. */
export function writtenBy(write: (value: unknown) => unknown): TextListener {
  return event => void write(lineOf(event))
}

const lineOf = (event: TextEvent) =>
  'restarted' in event
    ? { event: 'restarted', taskId: event.taskId }
    : { event: 'text', taskId: event.taskId, text: event.text }

/** As `clean`, but line ends and the blanks around a piece stay: pieces are parts of words. */
const cleanLines = (text: string): string =>
  text.replace(/[^\n]+/g, line => {
    const [, before = '', body = '', after = ''] = /^(\s*)(.*?)(\s*)$/su.exec(line) ?? []
    return `${before === '' ? '' : ' '}${clean(body)}${after === '' ? '' : ' '}`
  })
