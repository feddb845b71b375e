/** The table of names: whole, free of doubles, and by the conventions where it takes their names. */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { metricTable, names, operationOf, toolCall } from '../../src/core/telemetry-names.ts'

// The published list of names, which comes with the SDK.
const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-trace'))
const published = sdk('@opentelemetry/semantic-conventions/incubating') as Readonly<Record<string, unknown>>
const conventional = new Set(Object.values(published))

const metrics = Object.entries(metricTable)

test('no two names are the same', () => {
  const all = Object.values(names)
  expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([])
})

test("each name is the convention's or plainly ours", () => {
  const own = /^evidence(?:_runner)?\.[a-z_]+(?:\.[a-z_]+)*$|^evidence-runner$/
  expect(Object.values(names).filter(name => !own.test(name) && !conventional.has(name))).toEqual([])
  expect(Object.values(names).filter(name => own.test(name) && conventional.has(name))).toEqual([])
  expect(conventional.has('gen_ai.operation.name')).toBe(true)
  expect(conventional.has('gen_ai.made.up')).toBe(false)
})

test('each metric has a unit, a text, and attributes that are in the table of names', () => {
  const known: readonly string[] = Object.values(names)
  for (const [name, { unit, description, attributes = [] }] of metrics) {
    expect(known).toContain(name)
    expect(unit, name).toMatch(/^(?:ms|s|\{\w+\})$/)
    expect(description, name).toMatch(/^[A-Z].{5,}[^.]$/)
    expect(attributes.filter(attribute => !known.includes(attribute))).toEqual([])
  }
})

test('histograms have rising buckets, and nothing else has any', () => {
  for (const [name, { kind, buckets }] of metrics) {
    expect(buckets !== undefined, name).toBe(kind === 'histogram')
    expect(buckets).toEqual(buckets?.toSorted((a, b) => a - b))
  }
})

test("operations go under the convention's name where there is one", () => {
  expect(operationOf('embed')).toBe(published['GEN_AI_OPERATION_NAME_VALUE_EMBEDDINGS'])
  expect(operationOf('generate')).toBe(published['GEN_AI_OPERATION_NAME_VALUE_CHAT'])
  expect(toolCall).toEqual({
    method: published['MCP_METHOD_NAME_VALUE_TOOLS_CALL'],
    operation: published['GEN_AI_OPERATION_NAME_VALUE_EXECUTE_TOOL'],
  })
  expect(['verify', 'echo', 'constructor'].map(operationOf)).toEqual(['verify', 'echo', 'constructor'])
})
