'use strict'

const fs = require('node:fs')
const path = require('node:path')

/** Write a file whole or not at all, and for good: it outlasts a loss of power once this has returned. */
async function writeDurably (file, content, mode = 0o600) {
  const draft = `${file}.draft`
  await fs.promises.rm(draft, { force: true })
  const handle = await fs.promises.open(draft, 'wx', mode)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await fs.promises.rename(draft, file)
  const folder = await fs.promises.open(path.dirname(file))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The text of a file, null when there is none. */
async function readIfThere (file) {
  try {
    return await fs.promises.readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

module.exports = { writeDurably, readIfThere }
