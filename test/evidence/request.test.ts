/** What a request may hold, what it gets by default, and how each fault is named. */
import { describe, expect, test } from 'vitest'
import { classOf, limits, parseContext, parseOptions, sourceId } from '../../src/evidence/request.ts'

const sources = [{ content: 'x' }]
const good = { taskId: 't', claim: 'x', sources }

describe('parseContext()', () => {
  test('asks of a source nothing but its content', () => {
    expect(parseContext(good)).toEqual({ ...good, sources: [{ content: 'x', type: 'document' }] })
  })

  test("takes the original's fields and unknown metadata", () => {
    const full = {
      taskId: 't',
      claim: 'x',
      sources: [
        { type: 'log', path: '/var/log/x', content: '', metadata: { a: [1] }, id: 'i', title: 'T', url: 'u' },
      ],
      metadata: { priority: 'high', domain: 'd', requester: 'r', more: 1 },
    }
    expect(parseContext(full)).toEqual(full)
  })

  test.each([
    ['no task', { ...good, taskId: '' }, /Task ID is required/],
    ['no claim', { ...good, claim: '' }, /Claim is required/],
    ['a claim without a letter', { ...good, claim: '…!?' }, /Claim is required/],
    ['no source', { ...good, sources: [] }, /At least one evidence source is required/],
    [
      'a claim that is too long',
      { ...good, claim: 'x'.repeat(limits.claimLength + 1) },
      /claim: longer than 10000/,
    ],
    ['a source without content', { ...good, sources: [{ path: '/x' }] }, /sources\.0\.content/],
    [
      'too many sources',
      { ...good, sources: new Array(limits.sources + 1).fill({ content: 'x' }) },
      /more than 10000/,
    ],
    ['a field that is not known', { ...good, source: [] }, /"source"/],
    [
      'a field of a source that is not known',
      { ...good, sources: [{ content: 'x', text: 'y' }] },
      /sources\.0.*"text"/,
    ],
    ['a priority that is not known', { ...good, metadata: { priority: 'urgent' } }, /metadata\.priority/],
    [
      'two sources of one name',
      {
        ...good,
        sources: [
          { content: 'x', id: 'a' },
          { content: 'y', id: 'a' },
        ],
      },
      /two have the id "a"/,
    ],
    [
      'a name that another gets by its place',
      { ...good, sources: [{ content: 'x', id: 's2' }, { content: 'y' }] },
      /two have the id "s2"/,
    ],
    ['no context', undefined, /Invalid request/],
    ['a list', [], /Invalid request/],
  ])('refuses %s', (_what, context, message) => {
    expect(() => parseContext(context)).toThrow(
      expect.objectContaining({
        name: 'InputError',
        code: 'ER_INPUT',
        message: expect.stringMatching(message),
      }),
    )
  })

  test('refuses sources that are too long together, each within its limit', () => {
    const content = 'x'.repeat(limits.sourceLength)
    expect(() => parseContext({ ...good, sources: [{ content }, { content }, { content: 'x' }] })).toThrow(
      /67108865 characters together; the limit is 67108864/,
    )
    expect(() => parseContext({ ...good, sources: [{ content: `${content}x` }] })).toThrow(
      /sources\.0\.content/,
    )
  })
})

describe('parseOptions()', () => {
  test('takes what there is and hands the signal on as it came', () => {
    const options = {
      signal: new AbortController().signal,
      timeoutMs: 5,
      priority: 'low',
      caller: 'c',
      reproducible: true,
      onProgress: () => {},
    }
    expect(parseOptions(options)).toEqual(options)
    expect(parseOptions(undefined)).toEqual({})
  })

  test.each([
    ['an option that does not exist', { timeout: 5 }, /timeout.*there are .*timeoutMs/],
    ['a time of nothing', { timeoutMs: 0 }, /timeoutMs/],
    ['a signal that is none', { signal: {} }, /AbortSignal/],
    ['a priority that does not exist', { priority: 'bulk' }, /priority/],
    ['a listener that is none', { onProgress: true }, /function/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => parseOptions(options)).toThrow(
      expect.objectContaining({ code: 'ER_INPUT', message: expect.stringMatching(message) }),
    )
  })
})

test('classOf() turns priorities into classes; medium is the default', () => {
  expect([classOf('low'), classOf('medium'), classOf('high'), classOf(undefined)]).toEqual([
    'bulk',
    'normal',
    'interactive',
    'normal',
  ])
})

test('sourceId() counts from 1', () => {
  expect([sourceId({}, 0), sourceId({ id: 'x' }, 1)]).toEqual(['s1', 'x'])
})
