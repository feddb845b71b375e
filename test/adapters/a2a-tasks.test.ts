/** Tasks in memory: bounds, scopes, lists, and no large message kept. */
import { type Message, Role, type Task, TaskState } from '@a2a-js/sdk'
import { ServerCallContext } from '@a2a-js/sdk/server'
import { describe, expect, test } from 'vitest'
import { TaskShelf } from '../../src/adapters/a2a.ts'

const anyone = new ServerCallContext()
const someone = new ServerCallContext({ user: { isAuthenticated: true, userName: 'someone' } })

const task = (id: string, state: TaskState, minute = 0): Task => ({
  id,
  contextId: 'talk',
  status: {
    state,
    message: undefined,
    timestamp: `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`,
  },
  artifacts: [{ artifactId: 'a', name: '', description: '', parts: [], metadata: undefined, extensions: [] }],
  history: [],
  metadata: {},
})

const message = (value: unknown): Message => ({
  messageId: 'm',
  contextId: '',
  taskId: '',
  role: Role.ROLE_USER,
  parts: [{ content: { $case: 'data', value }, metadata: undefined, filename: '', mediaType: '' }],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
})

const { TASK_STATE_COMPLETED: completed, TASK_STATE_FAILED: failed, TASK_STATE_WORKING: working } = TaskState

const listed = (changes: object = {}) => ({
  tenant: '',
  contextId: '',
  status: TaskState.TASK_STATE_UNSPECIFIED,
  pageToken: '',
  statusTimestampAfter: undefined,
  ...changes,
})

describe('TaskShelf', () => {
  test('lets go of those that ended first, never of one at work', async () => {
    const shelf = new TaskShelf({ maxTasks: 2 })
    await shelf.save(task('open', working), anyone)
    for (const id of ['a', 'b']) await shelf.save(task(id, completed), anyone)
    // Saved again, it ended last.
    await shelf.save(task('a', completed), anyone)
    await shelf.save(task('c', failed), anyone)
    const left = await Promise.all(['open', 'a', 'b', 'c'].map(id => shelf.load(id, anyone)))
    expect(left.map(each => each?.id)).toEqual(['open', 'a', undefined, 'c'])
    expect(shelf.figures).toMatchObject({ tasks: 3, ended: 2 })
  })

  test('is bounded by size; the last one stays whatever its size', async () => {
    const shelf = new TaskShelf({ maxCharacters: 500 })
    for (const id of ['a', 'b', 'c', 'd']) await shelf.save(task(id, completed), anyone)
    expect(shelf.figures.characters).toBeLessThanOrEqual(500)
    expect(shelf.figures.tasks).toBeLessThan(4)
    await shelf.save({ ...task('large', completed), metadata: { text: 'x'.repeat(2000) } }, anyone)
    expect(shelf.figures).toMatchObject({ tasks: 1, ended: 1 })
    await shelf.save(task('small', completed), anyone)
    expect(await shelf.load('large', anyone)).toBeUndefined()
  })

  test('keeps the tasks of one caller from another', async () => {
    const shelf = new TaskShelf()
    await shelf.save(task('a', completed), someone)
    expect(await shelf.load('a', anyone)).toBeUndefined()
    expect((await shelf.list(listed(), anyone)).totalSize).toBe(0)
    expect((await shelf.list(listed(), someone)).totalSize).toBe(1)
  })

  test('gives a task that its caller may change', async () => {
    const shelf = new TaskShelf()
    await shelf.save(task('a', working), anyone)
    const mine = (await shelf.load('a', anyone)) as Task
    mine.artifacts.pop()
    mine.history.push(message(1))
    mine.metadata = { mine: true }
    expect(await shelf.load('a', anyone)).toEqual(task('a', working))
  })

  test('keeps a small message as it came, of a large one its size', async () => {
    const shelf = new TaskShelf()
    const large = message({ sources: [{ content: 'x'.repeat(20_000) }] })
    await shelf.save({ ...task('a', working), history: [message({ claim: 'b' }), large] }, anyone)
    const { history = [] } = (await shelf.load('a', anyone)) ?? {}
    expect(history.map(({ parts }) => parts[0]?.content?.value)).toEqual([
      { claim: 'b' },
      '(20000 characters, not kept)',
    ])
  })

  test('lists the newest first, page by page, by context, state and time', async () => {
    const shelf = new TaskShelf()
    for (const [minute, id] of ['a', 'b', 'c', 'd', 'e'].entries())
      await shelf.save(task(id, minute === 2 ? failed : completed, minute), anyone)
    const ids: string[] = []
    let pageToken = ''
    do {
      const page = await shelf.list(listed({ pageSize: 2, pageToken }), anyone)
      expect(page.totalSize).toBe(5)
      ids.push(...page.tasks.map(({ id }) => id))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    expect(ids).toEqual(['e', 'd', 'c', 'b', 'a'])
    const found = async (changes: object) =>
      (await shelf.list(listed(changes), anyone)).tasks.map(({ id }) => id).join('')
    expect(await found({ status: failed })).toBe('c')
    expect(await found({ contextId: 'other' })).toBe('')
    expect(await found({ statusTimestampAfter: '2026-01-01T00:03:00Z' })).toBe('ed')
    const [bare] = (await shelf.list(listed(), anyone)).tasks
    const [whole] = (await shelf.list(listed({ includeArtifacts: true }), anyone)).tasks
    expect([bare?.artifacts.length, whole?.artifacts.length]).toEqual([0, 1])
  })
})
