'use strict'

// The network's own server, put together as ssb-server's start command does, without anything of our pub in it.
// Arguments: the folder whose node_modules has the parts, the path of the configuration, and parts that are left out.

const fs = require('node:fs')
const path = require('node:path')
const { createRequire } = require('node:module')

const [release, configuration, ...without] = process.argv.slice(2)
const load = createRequire(path.join(release, 'package.json'))
const config = load('ssb-config/inject')('ssb', JSON.parse(fs.readFileSync(configuration, 'utf8')))
const caps = { shs: Buffer.from(load('ssb-caps').shs, 'base64') }

const parts = ['db', 'private1', 'master', 'gossip', 'replicate', 'friends', 'blobs', 'invite', 'query', 'links', 'ebt', 'ooo']
const stack = parts.filter((part) => !without.includes(part)).reduce((server, part) => server.use(load(`ssb-${part}`)), load('secret-stack')({ caps }))
stack(config)
