/** The table of codes against the one in the design, and what an error carries over a border. */
import { describe, expect, test } from 'vitest'
import {
  BudgetError,
  DeadlineError,
  type ErrorCode,
  errorOf,
  errorRecord,
  errorRules,
  InputError,
  isErrorCode,
  ModelError,
  OverloadError,
  PlanError,
  RejectedError,
  RunnerError,
  StoreError,
  WorkerError,
} from '../../src/core/errors.ts'

/** As the design has it: class, codes, retryable ones among them, exit code. */
const table: [typeof RunnerError, number, ErrorCode[], ErrorCode[]][] = [
  [InputError, 2, ['ER_INPUT', 'ER_CONFIG', 'ER_UNKNOWN_MODEL', 'ER_UNKNOWN_OP', 'ER_CLOSED'], []],
  [BudgetError, 3, ['ER_BUDGET_REFUSED', 'ER_BUDGET_SPENT'], []],
  [DeadlineError, 3, ['ER_DEADLINE'], []],
  [
    OverloadError,
    4,
    ['ER_QUEUE_FULL', 'ER_NO_WORKER', 'ER_WARMING'],
    ['ER_QUEUE_FULL', 'ER_NO_WORKER', 'ER_WARMING'],
  ],
  [
    WorkerError,
    5,
    ['ER_WORKER_SPAWN', 'ER_WORKER_EXIT', 'ER_WORKER_HUNG', 'ER_WIRE', 'ER_POISON'],
    ['ER_WORKER_EXIT', 'ER_WORKER_HUNG', 'ER_WIRE'],
  ],
  [
    ModelError,
    6,
    ['ER_MODEL_INPUT', 'ER_MODEL_FAILED', 'ER_MODEL_MEMORY', 'ER_MODEL_LOAD', 'ER_MODEL_MISMATCH'],
    ['ER_MODEL_FAILED', 'ER_MODEL_MEMORY'],
  ],
  [StoreError, 7, ['ER_STORE'], []],
  [PlanError, 8, ['ER_PLAN_INVALID'], []],
  [RejectedError, 9, ['ER_REJECTED'], []],
]

const rows = table.flatMap(([type, exit, codes, retryable]) =>
  codes.map(code => ({ code, type, name: type.name, exit, retryable: retryable.includes(code) })),
)

describe('the table', () => {
  test('has the codes of the design and no others', () => {
    expect(Object.keys(errorRules).toSorted()).toEqual(rows.map(({ code }) => code).toSorted())
  })

  test.each(rows)('makes $code a $name', ({ code, type, name, exit, retryable }) => {
    const error = errorOf(code, 'what happened')
    expect(error.constructor).toBe(type)
    expect(error).toBeInstanceOf(RunnerError)
    expect(error).toMatchObject({ name, code, message: 'what happened', retryable, retried: false })
    expect(errorRules[code]).toMatchObject({ exit, retryable })
  })

  test.each(rows)('has BullMQ repeat $code exactly when that may help', ({ code, retryable }) => {
    expect(errorRules[code].bullmq).toBe(retryable ? 'retry' : 'unrecoverable')
  })

  test.each(rows)(
    'gives $code a JSON-RPC code of the range for errors, and never exit code 0 or 1',
    ({ code }) => {
      const { jsonRpc, exit } = errorRules[code]
      expect(jsonRpc).toBeLessThanOrEqual(-32000)
      expect(jsonRpc).toBeGreaterThanOrEqual(-32768)
      expect(exit).toBeGreaterThan(1)
    },
  )
})

describe('RunnerError', () => {
  test('carries what it is given', () => {
    const cause = new Error('the reason')
    const error = errorOf('ER_STORE', 'locked', {
      retryable: true,
      path: 'a/b',
      detail: 'stderr',
      retryAfterMs: 50,
      retried: true,
      cause,
    })
    expect(error).toMatchObject({
      retryable: true,
      path: 'a/b',
      detail: 'stderr',
      retryAfterMs: 50,
      retried: true,
    })
    expect(error.cause).toBe(cause)
  })

  test('has no cause of its own without one', () => {
    expect(Object.hasOwn(errorOf('ER_INPUT', 'x'), 'cause')).toBe(false)
  })

  test('crosses a border as code and text; never with a traceback, detail or cause', () => {
    const error = errorOf('ER_QUEUE_FULL', 'full', {
      path: 'a',
      retryAfterMs: 50,
      detail: 'secret',
      cause: 'secret',
    })
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'ER_QUEUE_FULL',
      message: 'full',
      path: 'a',
      retryAfterMs: 50,
    })
    expect(JSON.parse(JSON.stringify(errorOf('ER_INPUT', 'x')))).toEqual({ code: 'ER_INPUT', message: 'x' })
  })
})

test.each([
  ['ER_POISON', true],
  ['toString', false],
  ['', false],
  ['er_input', false],
  [undefined, false],
  [5, false],
])('isErrorCode() says of %j: %j', (code, known) => {
  expect(isErrorCode(code)).toBe(known)
})

test('errorRecord() makes a record of anything thrown', () => {
  expect(errorRecord(errorOf('ER_DEADLINE', 'late'))).toEqual({ code: 'ER_DEADLINE', message: 'late' })
  expect(errorRecord(new TypeError('odd'))).toEqual({ code: 'ER_MODEL_FAILED', message: 'odd' })
  expect(errorRecord('odd')).toEqual({ code: 'ER_MODEL_FAILED', message: 'odd' })
  expect(errorRecord(undefined)).toEqual({ code: 'ER_MODEL_FAILED', message: 'undefined' })
})
