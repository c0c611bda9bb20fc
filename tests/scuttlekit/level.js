'use strict'

// LevelDB itself, as ssb-invite has it. Usage: node level.js RELEASE FOLDER, then one JSON request a line on stdin: [operation, ...arguments]
// of ["put", key, value], ["del", key], ["compact"], ["close"], ["open"], ["all"]; the answer: null, or all keys and values.

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')
const { promisify } = require('node:util')

const level = createRequire(createRequire(path.join(process.argv[2], 'package.json')).resolve('ssb-invite'))('level')
const folder = process.argv[3]

async function main () {
  const options = { valueEncoding: 'utf8', writeBufferSize: 64 * 1024 }
  const open = () => promisify(level)(folder, options)
  let store = await open()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [operation, ...args] = JSON.parse(line)
    let answer = null
    if (operation === 'put') await store.put(...args)
    if (operation === 'del') await store.del(...args)
    if (operation === 'compact') await compact(store)
    if (operation === 'close') await store.close()
    if (operation === 'open') store = await open()
    if (operation === 'all') {
      answer = {}
      for await (const { key, value } of items(store)) answer[key] = value
    }
    console.log(JSON.stringify(answer))
  }
  if (store.isOpen()) await store.close()
}

async function compact (store) {
  let down = store
  while (!down.compactRange) down = down.db
  await promisify(down.compactRange).call(down, '', '\xff')
}

async function * items (store) {
  const found = []
  await new Promise((resolve, reject) => {
    store.createReadStream().on('data', (item) => found.push(item)).on('end', resolve).on('error', reject)
  })
  yield * found
}

main()
