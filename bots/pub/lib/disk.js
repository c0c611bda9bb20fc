'use strict'

const fs = require('node:fs')
const path = require('node:path')

const FRESH = 30000

/** How many bytes the files of a folder hold, counted in the background and at most every 30 s. */
class Disk {
  constructor (folder) {
    this._folder = folder
    this._blobs = path.join(folder, 'blobs', 'sha256')
    this._known = new Map()
    this._counted = -Infinity
    this._counting = false
    this.bytes = null
  }

  /** The last count; asking for it begins the next one when it is due. */
  get size () {
    if (!this._counting && Date.now() - this._counted > FRESH) this.count().catch(() => {})
    return this.bytes
  }

  async count () {
    this._counting = true
    try {
      this.bytes = await this._below(this._folder)
    } finally {
      this._counted = Date.now()
      this._counting = false
    }
  }

  async _below (folder) {
    if (path.dirname(folder) === this._blobs) return this._blobsIn(folder)
    let total = 0
    for (const entry of await entriesOf(folder)) {
      const file = path.join(folder, entry.name)
      total += entry.isDirectory() ? await this._below(file) : await sizeOf(file)
    }
    return total
  }

  /** A blob never changes, so a folder of them only needs a look when something came or went. */
  async _blobsIn (folder) {
    const { mtimeMs } = await fs.promises.stat(folder)
    const known = this._known.get(folder)
    if (known?.mtimeMs === mtimeMs) return known.total
    let total = 0
    for (const entry of await entriesOf(folder)) total += await sizeOf(path.join(folder, entry.name))
    this._known.set(folder, { mtimeMs, total })
    return total
  }
}

// Files come and go while they are counted.
async function entriesOf (folder) {
  return fs.promises.readdir(folder, { withFileTypes: true }).catch(() => [])
}

async function sizeOf (file) {
  return fs.promises.lstat(file).then((stat) => stat.size, () => 0)
}

module.exports = { Disk }
