'use strict'

const fs = require('node:fs')
const net = require('node:net')

const { Refusal } = require('./exits')
const { isInside } = require('./fence')

const KEY = /^[A-Za-z0-9+/]{43}=$/
const ID = /^@[A-Za-z0-9+/]{43}=\.ed25519$/
const HOST_NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?)+$/i

// name: [is it right?, what it must be]; a field that is missing is asked with its default.
const FIELDS = {
  path: [(v) => typeof v === 'string' && v.startsWith('/') && !v.includes('\0'), 'the absolute path of the data folder'],
  host: [isHost, 'an address to listen on'],
  port: [(v) => isCount(v) && v > 0 && v < 65536, 'a port number from 1 to 65535'],
  external: [(v) => v === null || isHost(v), 'the host name that others reach the pub by, or null'],
  master: [isIds, 'a list of ids like "@….ed25519"'],
  revoked: [isIds, 'a list of ids like "@….ed25519"'],
  caps: [isCaps, 'an object whose "shs" is a network key of 32 bytes in base64'],
  launch: [isCount, 'a whole number that is not negative'],
  sequence: [isCount, 'a whole number that is not negative'],
  fence: [(v) => typeof v === 'boolean', 'true or false']
}

/** The pub's configuration: the one argument's file, checked. Throws a Refusal that names the field. */
function readConfig (args) {
  if (args.length !== 1) throw bad(`The pub takes one argument, the path of its configuration, and got ${args.length}.`)
  let text
  try {
    text = fs.readFileSync(args[0], 'utf8')
  } catch (error) {
    throw bad(`The configuration ${args[0]} cannot be read: ${error.code}.`)
  }
  let given
  try {
    given = JSON.parse(text)
  } catch (error) {
    // Not the parser's own words: they quote the text.
    throw bad(`The configuration ${args[0]} is not JSON.`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw bad(`The configuration ${args[0]} must be a JSON object.`)
  }
  return checked(given)
}

function checked (given) {
  for (const name of Object.keys(given)) {
    if (!(name in FIELDS)) throw bad(`The configuration has a field "${name}" that the pub does not know.`)
  }
  const config = { external: null, master: [], revoked: [], caps: {}, launch: 0, sequence: 0, ...given }
  // Pubs that live together on one machine's loopback are there to meet each other.
  config.fence ??= !(net.isIP(config.host) && isInside(config.host, 'loopback'))
  for (const [name, [isRight, what]] of Object.entries(FIELDS)) {
    if (config[name] === undefined) throw bad(`The configuration lacks "${name}": ${what}.`)
    if (!isRight(config[name])) throw bad(`The configuration's "${name}" must be ${what}.`)
  }
  return config
}

function bad (message) {
  return new Refusal('bad-config', message)
}

function isCount (value) {
  return Number.isSafeInteger(value) && value >= 0
}

function isIds (value) {
  return Array.isArray(value) && value.every((id) => ID.test(id))
}

function isHost (value) {
  return typeof value === 'string' && (net.isIP(value) > 0 || HOST_NAME.test(value))
}

function isCaps (value) {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, key]) => name === 'shs' && KEY.test(key))
}

module.exports = { readConfig }
