'use strict'

/** Why the pub ended by itself, as its exit code says it. The README explains each to a person. */
const EXITS = {
  'host-not-assignable': 64,
  'port-taken': 65,
  'folder-in-use': 66,
  'secret-damaged': 67,
  'log-behind': 68,
  'log-damaged': 69,
  uncaught: 70,
  'folder-unusable': 71,
  'feed-forked': 72,
  'disk-full': 74,
  'bad-config': 78
}

/** A reason to end that a person can do something about: `event` is a key of EXITS. */
class Refusal extends Error {
  constructor (event, message) {
    super(message)
    this.event = event
    this.code = EXITS[event]
  }
}

/** A record of the log that cannot be read. */
class DamagedLog extends Error {}

/** Any error as a Refusal; dependencies throw from deep inside, so some are known by their text alone. */
function refusalOf (error) {
  if (error instanceof Refusal) return error
  const text = `${error?.code} ${error?.message ?? error}`
  // A log's short write is how a disk that fills up in the middle of a record shows itself.
  if (/ENOSPC|EDQUOT|no space left|wrote less bytes than expected/i.test(text)) {
    return new Refusal('disk-full', 'The disk is full. Make room, then start the pub again: nothing is lost.')
  }
  if (error instanceof DamagedLog || isFromLog(error)) {
    return new Refusal(
      'log-damaged',
      'The log holds a record that cannot be read. Bring back an undamaged copy of it that is not older.'
    )
  }
  const message = `Something went wrong that nobody foresaw: ${error?.message ?? error}`
  return Object.assign(new Refusal('uncaught', message), { stack: String(error?.stack ?? error) })
}

/**
 * Whether the log's own code could not read a place that a broken length led it to. Its callers' errors also have it in
 * their stack, further down: only where the error was made counts.
 */
function isFromLog (error) {
  if (!(error instanceof Error)) return false
  // `explain-error` puts what it explains beneath an error of its own.
  const beneath = Object.getPrototypeOf(error)
  if (Object.hasOwn(beneath, 'stack')) return isFromLog(beneath)
  const isUnreadable = error instanceof RangeError ? error.code : /^(past end|read an empty buffer|Number is too large)/.test(error.message)
  const origin = String(error.stack).split('\n').find((line) => /^\s+at /.test(line) && !line.includes('node:'))
  return Boolean(isUnreadable) && /flumelog-offset|aligned-block-file/.test(origin)
}

module.exports = { DamagedLog, Refusal, refusalOf }
