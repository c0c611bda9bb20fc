'use strict'

/** Why the pub ended by itself, as its exit code says it. `packages/scuttlekit/PUB.md` explains each to a person. */
const EXITS = {
  'host-not-assignable': 64,
  'port-taken': 65,
  'folder-in-use': 66,
  'secret-damaged': 67,
  'log-behind': 68,
  uncaught: 70,
  'folder-unusable': 71,
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

/** Any error as a Refusal; dependencies throw from deep inside, so a full disk is known by its text alone. */
function refusalOf (error) {
  if (error instanceof Refusal) return error
  const text = `${error?.code} ${error?.message ?? error}`
  // A log's short write is how a disk that fills up in the middle of a record shows itself.
  if (/ENOSPC|EDQUOT|no space left|wrote less bytes than expected/i.test(text)) {
    return new Refusal('disk-full', 'The disk is full. Make room, then start the pub again: nothing is lost.')
  }
  const message = `Unexpected error: ${error?.message ?? error}`
  return Object.assign(new Refusal('uncaught', message), { stack: String(error?.stack ?? error) })
}

module.exports = { Refusal, refusalOf }
