/** A Narration tells each piece once, and says so before it tells anything again. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Narration, type TextEvent } from '../../src/evidence/narration.ts'

/** What a listener that keeps to the events has before it. */
const heard = (events: readonly TextEvent[]): string =>
  events.reduce((text, event) => ('restarted' in event ? '' : text + event.text), '')

describe('Narration', () => {
  test('tells pieces with the task, and the rest at the end', () => {
    const events: TextEvent[] = []
    const narration = new Narration('t1', event => events.push(event))
    narration.add('The gate ')
    narration.add('')
    narration.add('was shut.')
    narration.finish('The gate was shut. [1]')
    expect(events).toEqual([
      { taskId: 't1', text: 'The gate ' },
      { taskId: 't1', text: 'was shut.' },
      { taskId: 't1', text: ' [1]' },
    ])
  })

  test('takes back what the analysis is not in the end, and says nothing of what was never told', () => {
    const events: TextEvent[] = []
    const narration = new Narration('t1', event => events.push(event))
    narration.restart()
    expect(events).toEqual([])
    narration.add('Rubbish')
    narration.finish('Quoted.')
    expect(events).toEqual([
      { taskId: 't1', text: 'Rubbish' },
      { taskId: 't1', restarted: true },
      { taskId: 't1', text: 'Quoted.' },
    ])
  })

  test('who keeps to the events has the analysis in the end, whatever came before', () => {
    const step = fc.oneof(
      fc.string().map(text => ({ text })),
      fc.constant({ again: true as const }),
    )
    fc.assert(
      fc.property(fc.array(step), fc.string(), (steps, analysis) => {
        const events: TextEvent[] = []
        const narration = new Narration('t', event => events.push(event))
        for (const each of steps) 'again' in each ? narration.restart() : narration.add(each.text)
        narration.finish(analysis)
        expect(heard(events)).toBe(analysis)
      }),
    )
  })

  test('survives a listener that throws, now or later', async () => {
    const narration = new Narration('t', () => {
      throw new Error('mine')
    })
    narration.add('text')
    const late = new Narration('t', (async () => {
      throw new Error('mine, too')
    }) as () => void)
    late.add('text')
    await new Promise(resolve => setImmediate(resolve))
  })
})
