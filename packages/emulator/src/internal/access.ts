/** Who may do what: the tokens the emulator knows, and their permissions. */
import * as Redacted from "effect/Redacted"

/** What a fine-grained token may be allowed to do. */
export type Permission = "inference.endpoints.write" | "inference.endpoints.infer.write"

/** A token and what it may do. */
export interface Grant {
  readonly token: Redacted.Redacted
  readonly permissions: ReadonlyArray<Permission>
}

/** The permissions behind an `Authorization` header, or `undefined` for no, an empty or an unknown token. */
export type Access = (authorization: string | undefined) => ReadonlyArray<Permission> | undefined

/** Looks tokens up. */
export const make =
  (grants: ReadonlyArray<Grant>): Access =>
  (authorization) => {
    const token = /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1]
    return token === undefined
      ? undefined
      : grants.find((grant) => Redacted.value(grant.token) === token)?.permissions
  }
