/** A program that imports the front door, and prints whether SQLite came with it. */
await import('../../src/index.ts')
const { moduleLoadList } = process as unknown as { moduleLoadList: string[] }
console.log(moduleLoadList.includes('NativeModule sqlite'))

export {}
