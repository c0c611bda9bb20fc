'use strict'

const path = require('node:path')

const { Refusal } = require('./exits')
const { readIfThere, writeDurably } = require('./files')

/**
 * The pub's own latest sequence, remembered outside its log. A log that fell behind would use numbers again that
 * others already have: the feed would be forked for ever. So the pub does not start with such a log.
 */
class Sequence {
  constructor (folder) {
    this._file = path.join(folder, 'sequence')
    this._written = 0
    this._latest = 0
    this._writing = null
  }

  /** What the file remembers, 0 when there is none. */
  async read () {
    const text = await readIfThere(this._file)
    if (text === null) return 0
    if (!/^\d{1,15}\n$/.test(text)) {
      throw new Refusal('log-behind', `The file ${this._file} is damaged: write the feed's latest sequence into it.`)
    }
    this._written = Number(text)
    return this._written
  }

  get latest () {
    return this._latest
  }

  /**
   * Follow the feed: remember `latest` on disk. Called once the log holds the message, never before: remembered too
   * early, a crash in between would leave a log that looks behind and a pub that never starts again. Remembered late,
   * the log itself is ahead, which is harmless. Messages in quick succession share one write.
   */
  async follow (latest) {
    if (latest > this._latest) this._latest = latest
    this._writing ??= this._write()
    await this._writing
  }

  /** Once all that was followed is on disk. */
  async settled () {
    await this._writing
  }

  async _write () {
    // One step later, so that a write that finds nothing to do does not end before it is known to have begun.
    await null
    try {
      while (this._written < this._latest) {
        const next = this._latest
        await writeDurably(this._file, `${next}\n`)
        this._written = next
      }
    } finally {
      this._writing = null
    }
  }
}

/** Refuse a log whose own feed ends at `found` when it is known to have reached `known`. */
function guard (found, known) {
  if (found >= known) return
  throw new Refusal(
    'log-behind',
    `The log ends at message ${found} of the pub's own feed, which is known to have reached ${known}. To go on would ` +
    'fork the feed for ever. Bring back a log that is not older.'
  )
}

module.exports = { Sequence, guard }
