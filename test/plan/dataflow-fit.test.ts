/**
 * What flows through a dataflow: templates, results and ports that don't fit are refused before anything
 * runs.
 */
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Action, DataflowParts } from '../../src/plan/dataflow-node.ts'
import {
  act,
  type Edge,
  end,
  faultsOf,
  type Input,
  plain,
  type State,
  shape,
  start,
  ways,
  work,
} from './small-dataflows.ts'

describe('what flows through a dataflow', () => {
  const withAction = (changes: Partial<Action>, into: string | undefined = 'n') =>
    shape([start, act('a', { action: work(changes), into }), end], ways('start a', 'a end'))

  test.each<[string, Partial<DataflowParts<Input, { n: number }, State>>, string[]]>([
    [
      'a first state that lacks something',
      { nodes: [{ ...start, state: {} }, end] },
      ['Node "start": the first state gives what doesn\'t fit the schema that it is to fill'],
    ],
    [
      'a first state made of the state',
      { nodes: [{ ...start, state: { n: '{{state.n}}' } }, end] },
      ['Node "start": the first state: {{state.n}} names the state, which is not there yet'],
    ],
    [
      'an output of another type',
      { nodes: [start, { ...end, output: { n: '{{state.text}}' } }] },
      ['Node "end": its output gives what doesn\'t fit the schema that it is to fill'],
    ],
    [
      'a state that is not the output',
      { output: z.object({ text: z.string() }) as never, nodes: [start, { kind: 'end', id: 'end' }] },
      ['Node "end": its output gives what doesn\'t fit the schema that it is to fill'],
    ],
  ])('is refused for %s', (_, changes, faults) => {
    expect(faultsOf(() => plain({ edges: ways('start end'), ...changes }))).toEqual(faults)
  })

  test.each<[string, Partial<Action>, string[]]>([
    [
      'what is not there',
      { template: '{{state.nope}}' },
      ['Node "a": its template: {{state.nope}} names nothing that the state can hold'],
    ],
    [
      'what the input lacks',
      { template: ['{{input.n}}'] },
      ['Node "a": its template: {{input.n}} names nothing that the input can hold'],
    ],
    [
      'a member of a prototype',
      { template: '{{state.constructor}}' },
      ['Node "a": its template: {{state.constructor}} names nothing that the state can hold'],
    ],
    [
      'something else',
      { template: 'x {{params.n}}' },
      ['Node "a": its template: "x {{params.n}}" holds braces that are no placeholder'],
    ],
    [
      'a name',
      { template: { '{{state.text}}': 1 } },
      ['Node "a": its template: the name "{{state.text}}" holds a placeholder; names stay as they are'],
    ],
  ])('is refused for a placeholder that names %s', (_, changes, faults) => {
    expect(withAction(changes)).toEqual(faults)
  })

  test('is refused for a template that is no plain data', () => {
    expect(withAction({ template: { at: new Date(0) } })).toEqual([
      'Node "a": its template is not plain data: it holds Date',
    ])
  })

  test('is refused for parameters and results that do not fit', () => {
    expect(withAction({ params: z.object({ n: z.string() }) })).toEqual([
      'Node "a": its template gives what doesn\'t fit the schema that it is to fill',
    ])
    expect(
      withAction({ params: z.object({ n: z.number() }), template: { n: 'n is {{state.n}}' } }),
    ).toHaveLength(1)
    expect(withAction({ result: z.string() })).toEqual([
      'Node "a": its result doesn\'t fit what the state takes at n',
    ])
    expect(withAction({ result: z.string() }, 'list.0')).toEqual([])
    expect(withAction({ result: z.string() }, 'list.length')).toEqual([
      'Node "a": its result goes into "list.length", which the state can\'t hold',
    ])
  })

  test('is refused for schemas that say what JSON can not', () => {
    const faults = faultsOf(() =>
      plain({
        state: z.object({
          n: z.number(),
          text: z.string().optional(),
          list: z.array(z.string()),
          at: z.date(),
        }),
      }),
    )
    expect(faults).toEqual([
      "The state: A schema says what JSON can't: Date cannot be represented in JSON Schema",
    ])
  })

  test('is refused for a domain that names no text', () => {
    const inDomain = (domain: { parameter: string } | { fixed: string }) =>
      shape([start, act('a', { domain }), end], ways('start a', 'a end'))
    expect(inDomain({ parameter: '{{state.text}}' })).toEqual([])
    expect(inDomain({ parameter: '{{state.n}}' })).toHaveLength(1)
    expect(inDomain({ fixed: '' })).toEqual(['Node "a": a domain needs a name'])
  })

  test('is refused for a dataflow inside that it does not fit', () => {
    const inner = plain()
    const nest = (template: unknown, into: string) =>
      shape(
        [start, { kind: 'dataflow', id: 'in', definition: inner, template, into }, end],
        ways('start in', 'in end'),
      )
    expect(nest({ first: '{{state.n}}' }, 'n')).toEqual([
      'Node "in": its result doesn\'t fit what the state takes at n',
    ])
    expect(nest({ first: '{{state.text}}' }, 'other')).toEqual([
      'Node "in": its template gives what doesn\'t fit the schema that it is to fill',
      'Node "in": its result goes into "other", which the state can\'t hold',
    ])
  })
})

describe('ports', () => {
  const joined = (
    output: z.ZodType,
    input: z.ZodType,
    changes: Partial<Edge> = {},
    more: { at?: string; required?: boolean } = {},
  ) =>
    shape(
      [
        start,
        act('a', { outputs: { made: { schema: output, at: 'n' } } }),
        act('b', { inputs: { wanted: { schema: input, at: 'n', ...more } } }),
        end,
      ],
      [...ways('start a', 'b end'), { from: 'a', to: 'b', carry: { wanted: 'made' }, ...changes }],
    )

  test('fit by their id or their structure', () => {
    expect(joined(z.number(), z.number())).toEqual([])
    expect(joined(z.int().min(1), z.number())).toEqual([])
  })

  test('are refused where types do not fit', () => {
    expect(joined(z.string(), z.number())).toEqual([
      'The edge from "a" to "b": output made doesn\'t fit input wanted',
    ])
    expect(joined(z.unknown(), z.number())).toHaveLength(1)
  })

  test('are refused where they are not there', () => {
    expect(joined(z.number(), z.number(), { carry: { wanted: 'toString' } })).toEqual([
      'The edge from "a" to "b": a has no output toString',
    ])
    expect(joined(z.number(), z.number(), { carry: { wanted: 'made', more: 'made' } })).toEqual([
      'The edge from "a" to "b": b has no input more',
    ])
  })

  test('are refused where nothing is carried to one that is required', () => {
    const faults = ['The edge from "a" to "b" carries nothing to input wanted, which is required']
    expect(joined(z.number(), z.number(), { carry: {} })).toEqual(faults)
    expect(joined(z.number(), z.number(), { carry: {} }, { required: false })).toEqual([])
  })

  test('are refused where the state has no such place, or of another type', () => {
    expect(joined(z.number(), z.number(), {}, { at: 'm' })).toEqual([
      'Node "b": input wanted lies at "m", which the state can\'t hold',
    ])
    expect(joined(z.number(), z.number(), {}, { at: 'text' })).toEqual([
      'Node "b": input wanted doesn\'t fit what the state takes at text',
    ])
  })
})
