/** Whose token it is: one user, and the organisations it belongs to. */
import * as Identifier from "./identifier.ts"

/** The user behind the emulator's tokens. */
export interface Account {
  readonly namespace: string
  readonly organizations: ReadonlyArray<string>
  /** Whether it has a payment method. */
  readonly canPay: boolean
}

/** Somebody of the same namespace who is not the user: whoever changes endpoints behind its back. */
export const stranger = "somebody-else"

/** Whether endpoints of that namespace may be managed. */
export const owns = ({ namespace, organizations }: Account, other: string): boolean =>
  other === namespace || organizations.includes(other)

const title = (name: string) => name.slice(0, 1).toUpperCase() + name.slice(1)

/** The answer of `GET /api/whoami-v2`. */
export const whoami = ({ canPay, namespace, organizations }: Account) => ({
  type: "user",
  id: Identifier.object(namespace),
  name: namespace,
  fullname: title(namespace),
  isPro: false,
  canPay,
  billingMode: "prepaid",
  orgs: organizations.map((name) => ({
    type: "org",
    id: Identifier.object(name),
    name,
    fullname: title(name),
    plan: "team",
    roleInOrg: "admin",
    canPay
  })),
  auth: {
    type: "access_token",
    accessToken: { displayName: "emulator", role: "fineGrained", createdAt: "2026-01-01T00:00:00.000Z" }
  }
})
