/** Calls of accounts, users and tokens that change something. */

import { send, type Schemas } from "./client";

export const enterWith = (body: Schemas["SignIn"]) => send<Schemas["SessionPage"]>("POST", "/session", body);

export const account = {
  changePassword: (body: Schemas["PasswordChange"]) => send<undefined>("POST", "/account/password", body),
  beginFactor: (password: string) => send<Schemas["SecretPage"]>("POST", "/account/second-factor", { password }),
  confirmFactor: (code: string) => send<Schemas["RecoveryPage"]>("PUT", "/account/second-factor", { code }),
  dropFactor: (password: string) => send<undefined>("DELETE", "/account/second-factor", { password }),
  endSession: (id: string) => send<undefined>("DELETE", `/account/sessions/${id}`),
  endOthers: () => send<undefined>("DELETE", "/account/sessions"),
  makeToken: (body: Schemas["NewOwnToken"]) => send<Schemas["MadeToken"]>("POST", "/account/tokens", body),
  endToken: (id: string) => send<undefined>("DELETE", `/account/tokens/${id}`),
};

export const users = {
  make: (body: Partial<Schemas["NewUser"]>) => send<Schemas["UserRow"]>("POST", "/users", body),
  change: (id: string, body: Partial<Schemas["UserChange"]>) => send<Schemas["UserRow"]>("PATCH", `/users/${id}`, body),
  setPassword: (id: string, password: string) => send<undefined>("PUT", `/users/${id}/password`, { password }),
  dropFactor: (id: string) => send<undefined>("DELETE", `/users/${id}/second-factor`),
  unlock: (id: string) => send<undefined>("DELETE", `/users/${id}/lock`),
  signOut: (id: string) => send<undefined>("DELETE", `/users/${id}/sessions`),
};

export const tokens = {
  make: (body: Partial<Schemas["NewToken"]>) => send<Schemas["MadeToken"]>("POST", "/tokens", body),
  end: (id: string) => send<undefined>("DELETE", `/tokens/${id}`),
};

export const showCustomer = (line: string, reason: string) =>
  send<Schemas["CustomerPage"]>("POST", `/lines/${line.split("/").map(encodeURIComponent).join("/")}/customer`, { reason });
