/**
 * A program that opens a store as its second argument says: `close` closes it, `leave` just stops working, `warn`
 * runs as on a Node that warns about SQLite, `large` writes so much that a thread is started. Prints what it saw as JSON. First argument: the file.
 */
import { openStore } from '../../src/store/store.ts'

const [path = '', mode] = process.argv.slice(2)
const isLoaded = () =>
  (process as unknown as { moduleLoadList: string[] }).moduleLoadList.includes('NativeModule sqlite')
const turn = () => new Promise(resolve => setImmediate(resolve))

if (mode === 'warn') {
  const { getBuiltinModule } = process
  // As Node 24.0 does it; the other one must be seen.
  process.getBuiltinModule = ((name: string) => {
    process.emitWarning(
      'SQLite is an experimental feature and might change at any time',
      'ExperimentalWarning',
    )
    process.emitWarning('Something else is an experimental feature', 'ExperimentalWarning')
    return getBuiltinModule(name)
  }) as typeof getBuiltinModule
}
// What start-up and the first use of its own pipes hold is not the store's.
process.stdout.write('')
process.stderr.write('')
await turn()
const before = process.getActiveResourcesInfo()
const loadedBefore = isLoaded()
const store = await openStore(path)
const loadedAfter = isLoaded()
const value = mode === 'large' ? new Float32Array(2 ** 21) : 1
store.memo.set('key', { value, traceHash: '', exactHash: '' })
if (mode !== 'leave') await store.close()
await turn()
const after = process.getActiveResourcesInfo()
console.log(JSON.stringify({ loadedBefore, loadedAfter, before, after }))
