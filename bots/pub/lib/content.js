'use strict'

const { createRequire } = require('node:module')

const { DamagedLog } = require('./exits')
const { chatter } = require('./log')
const { replace, standIn } = require('./standins')

const DEEPEST = 64

/**
 * Authors may write whatever they like, and it stays in the log for good. Where a part of ssb-server throws on such a
 * message, an index stands still for ever or the pub ends at each start. To be called before these parts are required.
 */
function takeAnyContent () {
  copyWhole()
  encodeAnyKey()
  keepGoodLinks()
  keepIndexing()
  tellDamage()
}

/** Copy also a field that is called `__proto__`. Without it the signature is wrong: no peer would take the message. */
function copyWhole () {
  standIn(requireFrom('ssb-db').resolve('lodash.clonedeep'), copyOf)
}

function copyOf (value) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copyOf(part)]))
}

/** The keys of indexes are made of what messages hold. An object in a key, which cannot be encoded, becomes its JSON. */
function encodeAnyKey () {
  const keys = createRequire(requireFrom('ssb-query').resolve('flumeview-query'))('charwise')
  const { encode } = keys
  keys.encode = (key) => {
    try {
      return encode(key)
    } catch {
      return encode(Array.isArray(key) ? key.map(asText) : asText(key))
    }
  }
}

function asText (part) {
  return typeof part === 'object' && part !== null ? JSON.stringify(part) : part
}

/** Leave a link out that is none, so that the other links of its message are still indexed. */
function keepGoodLinks () {
  const messages = requireFrom('ssb-links')('ssb-msgs')
  const { indexLinks } = messages
  messages.indexLinks = (message, each) => {
    const content = message.content?.type ? message.content : message
    const parts = Object.entries(content).map(([name, value]) => [name, Array.isArray(value) ? value.filter(isThere) : value])
    indexLinks(Object.fromEntries(parts), (link, relation) => {
      try {
        each(link, relation)
      } catch {}
    })
  }
}

function isThere (part) {
  return part !== null
}

/** Have each index go on with the next message where it cannot take one. */
function keepIndexing () {
  const leaving = (left, take) => (...args) => {
    try {
      return take(...args)
    } catch (error) {
      chatter('warning', `One message is left out of an index, which cannot take it: ${error.message}`)
      return left(...args)
    }
  }
  const levels = [requireFrom('ssb-db'), createRequire(requireFrom('ssb-links').resolve('flumeview-links'))]
  for (const path of new Set(levels.map(({ resolve }) => resolve('flumeview-level')))) {
    replace(path, (create) => (version, map) => create(version, leaving(() => [], map)))
  }
  const reduce = requireFrom('ssb-db').resolve('flumeview-reduce')
  replace(reduce, (create) => (version, step, ...more) => create(version, leaving((state) => state, step), ...more))
}

/** Say of a record of the log that is no JSON that the log is damaged; an error of anything else is not the log's. */
function tellDamage () {
  const codec = requireFrom('ssb-db')('./codec')
  const { decode } = codec
  codec.decode = (text) => {
    try {
      return decode(text)
    } catch (error) {
      throw new DamagedLog(error.message)
    }
  }
}

/**
 * A plugin for the time between ssb-db and what opens private messages: a private message that cannot be opened, or that
 * holds what no message may hold, is not for us.
 */
function openSafely (server) {
  const safely = (open) => (...args) => {
    try {
      return open(...args)
    } catch {
      return null
    }
  }
  const opening = (open) => safely((...args) => {
    const content = open(...args)
    return isContent(content) ? content : null
  })
  server.addUnboxer.hook(function (add, [unboxer]) {
    if (typeof unboxer === 'function') return add.call(this, opening(unboxer))
    return add.call(this, { ...unboxer, key: safely(unboxer.key), value: opening(unboxer.value) })
  })
}

/** Public content is an object that is shallow, because its text with all its indentation is bounded. */
function isContent (value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value, DEEPEST)
}

function isShallow (value, levels) {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1))
}

function requireFrom (user) {
  return createRequire(require.resolve(user))
}

module.exports = { openSafely, takeAnyContent }
