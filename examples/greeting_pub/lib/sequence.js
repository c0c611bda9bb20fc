'use strict'

const fs = require('node:fs')
const path = require('node:path')

const { Refusal } = require('./exits')
const { readIfThere, writeDurably } = require('./files')
const { end } = require('./log')

const DIGITS = 15
const NOTE = new RegExp(`^\\d{1,${DIGITS}}\n$`)

/**
 * The pub's own latest sequence, remembered outside its log. A log that fell behind would use numbers again that
 * others already have: the feed would be forked for ever. So the pub does not start with such a log.
 *
 * It is written over in place, before a message is acknowledged: one killed in the next moment remembers it.
 */
class Sequence {
  constructor (folder) {
    this._file = path.join(folder, 'sequence')
    this._handle = null
    this._found = null
    this._latest = 0
    this._noted = 0
    this._lasting = 0
    this._syncing = null
  }

  /** What the file remembers, 0 when there is none. */
  async read () {
    this._found = await readIfThere(this._file)
    if (this._found === null) return 0
    if (!NOTE.test(this._found)) {
      throw new Refusal('log-behind', `The file ${this._file} is damaged: write the feed's latest sequence into it.`)
    }
    this._noted = Number(this._found)
    return this._noted
  }

  get latest () {
    return this._latest
  }

  /**
   * Follow what `server` says, ahead of whoever hears of it: to be used before plugins that tell peers of a message.
   * ssb-db acknowledges a message before it tells that it was posted, so that is waited for too.
   */
  watch (server) {
    const heard = ({ value }) => {
      if (value.author === server.id) this.follow(value.sequence).catch(end)
    }
    server.post(heard)
    const ahead = function (call, args) {
      const done = args.pop()
      return call.call(this, ...args, (error, message) => {
        if (!error) heard(message)
        done(error, message)
      })
    }
    server.publish.hook(ahead)
    server.add.hook(ahead)
  }

  /** Remember from now on: the feed has come to `latest`. What is remembered already is never less. */
  async begin (latest) {
    this._latest = Math.max(latest, this._latest)
    this._noted = this._lasting = Math.max(this._latest, this._noted)
    if (this._found !== noteOf(this._noted)) await writeDurably(this._file, noteOf(this._noted))
    this._handle = await fs.promises.open(this._file, 'r+')
    await this.follow(this._latest)
  }

  /**
   * Follow the feed: remember `latest`, which lasts once this resolves. Called once the log holds the message, never
   * before: remembered too early, a crash in between would leave a log that looks behind and a pub that never starts
   * again. Messages in quick succession share one wait for the disk.
   */
  async follow (latest) {
    if (latest > this._latest) this._latest = latest
    if (!this._handle || this._latest <= this._noted) return this._syncing
    fs.writeSync(this._handle.fd, noteOf(this._latest), 0)
    this._noted = this._latest
    this._syncing ??= this._sync()
    await this._syncing
  }

  /** Once all that was followed is on disk. */
  async settled () {
    await this._syncing
  }

  async _sync () {
    // One step later, so that one that finds nothing to do does not end before it is known to have begun.
    await null
    try {
      while (this._lasting < this._noted) {
        const next = this._noted
        await this._handle.datasync()
        this._lasting = next
      }
    } finally {
      this._syncing = null
    }
  }
}

/** Always as long: nothing is left of an earlier one, and nothing needs room. */
function noteOf (sequence) {
  return `${String(sequence).padStart(DIGITS, '0')}\n`
}

/** Refuse a log whose own feed ends at `found` when it is known to have reached `known`. */
function guard (found, known) {
  if (found >= known) return
  throw new Refusal(
    'log-behind',
    `The log ends at message ${found} of the pub's own feed, which is known to have reached ${known}. Running on it would ` +
    'fork the feed for ever. Restore a log that is not older.'
  )
}

module.exports = { Sequence, guard }
