/** Terminal: what a person sees of an answer that a language model has written. */
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { shownOn, writtenBy } from '../../src/adapters/streaming.ts'
import { Terminal } from '../../src/adapters/terminal.ts'
import type { ManyOutcome } from '../../src/evidence/outcome.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'

function seen(): { readonly terminal: Terminal; readonly text: () => string } {
  const [out, status] = [new PassThrough(), new PassThrough()]
  const parts: string[] = []
  out.on('data', (part: Buffer) => parts.push(part.toString()))
  const terminal = new Terminal(out as unknown as NodeJS.WriteStream, status as unknown as NodeJS.WriteStream)
  return { terminal, text: () => parts.join('') }
}

const analysis = 'It was shut by hand. [1]\nSo it was.\n[1] “The gate was shut by hand.” (s1, supports, 0.90)'

async function outcome(analysisMethod: 'generated' | 'extractive'): Promise<ManyOutcome> {
  const sources = [{ content: 'The gate was shut by hand.' }]
  const evidence = await fakeEnhancer().enhancer.enhanceEvidence({ taskId: 't', claim: 'A gate.', sources })
  return { ...evidence, aiAnalysis: analysis, metadata: { ...evidence.metadata, analysisMethod } }
}

test('evidence() shows an analysis that was written, without the list that the citations repeat', async () => {
  const { terminal, text } = seen()
  terminal.evidence(await outcome('generated'), 1)
  expect(text()).toContain('     It was shut by hand. [1]\n     So it was.\n')
  expect(text()).not.toContain('[1] “')
})

test('evidence() shows none that only quotes, or that was shown as it came', async () => {
  for (const [method, withAnalysis] of [
    ['extractive', true],
    ['generated', false],
  ] as const) {
    const { terminal, text } = seen()
    terminal.evidence(await outcome(method), 1, withAnalysis)
    expect(text()).not.toContain('So it was.')
  }
})

test('shownOn() puts pieces one after the other, and the next line on one of its own', () => {
  const { terminal, text } = seen()
  const hear = shownOn(terminal)
  hear({ taskId: 't', text: 'It was ' })
  hear({ taskId: 't', text: 'shut\u001b[2J.\nSo' })
  terminal.line('next')
  expect(text()).toBe('It was shut.\nSo\nnext\n')
  hear({ taskId: 't', restarted: true })
  expect(text()).toContain('void')
})

test('writtenBy() gives each event as a value of its own', () => {
  const lines: unknown[] = []
  const hear = writtenBy(value => lines.push(value))
  hear({ taskId: 't', text: 'a' })
  hear({ taskId: 't', restarted: true })
  expect(lines).toEqual([
    { event: 'text', taskId: 't', text: 'a' },
    { event: 'restarted', taskId: 't' },
  ])
})
