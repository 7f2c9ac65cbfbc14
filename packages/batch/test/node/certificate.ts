/** A certificate for 127.0.0.1 that nobody but itself has signed, made on the spot. */
import { generateKeyPairSync, sign } from "node:crypto"

const length = (size: number) =>
  size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff]

/** One DER element. */
const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>) => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...length(content.length)]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"))
const time = (year: number) => der(0x18, Buffer.from(`${year}0101000000Z`))
const extension = (id: string, value: Uint8Array) => sequence(oid(id), der(0x04, value))

/** A key and its certificate, both as PEM. */
export const selfSigned = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))
  const name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from("test")))))
  const authority = extension("551d13", sequence(der(0x01, Buffer.from([0xff]))))
  const address = extension("551d11", sequence(der(0x87, Buffer.from([127, 0, 0, 1]))))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(time(2020), time(2120)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(authority, address))
  )
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey))
  const certificate = sequence(body, ecdsaWithSha256, signature).toString("base64")
  const lines = certificate.match(/.{1,64}/g) ?? []
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n")
  }
}
