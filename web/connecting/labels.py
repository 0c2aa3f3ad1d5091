"""What kinds of connections and their fields are called; a field without a name here is called by its key."""

from __future__ import annotations

from web.show.texts import N_

KIND_TITLES = {
    "onec_odata": N_("1C by OData"), "onec_soap": N_("1C by a SOAP service"), "onec_files": N_("1C by files"),
    "bitrix24": N_("Bitrix24"), "amocrm": N_("amoCRM"), "megaplan": N_("Megaplan"),
}  # fmt: skip
TITLES = {
    "role": N_("What it is"), "write": N_("Writing"), "timezone": N_("Time zone"), "since": N_("Documents since"),
    "every": N_("Read every"), "rate": N_("Ask no faster than"), "burst": N_("Requests at once after a rest"),
    "changes": N_("How changes are found"), "near": N_("Looked at in every cycle"),
    "payment_days": N_("Days to pay, where nothing else says"),
    "deletion_guard_share": N_("Deletions at once, share"), "deletion_guard_records": N_("Deletions at once, records"),
    "url": N_("Address"), "user": N_("User"), "password": N_("Password"), "webhook": N_("Address of the webhook"),
    "portal": N_("Address of the portal"), "client_id": N_("Application's key (client_id)"),
    "client_secret": N_("Application's secret (client_secret)"), "refresh_token": N_("Refresh token"),
    "application_token": N_("Application's token (application_token)"),
    "access_token": N_("Access token"), "token": N_("Token"), "exchange_plan": N_("Exchange plan"),
    "node": N_("Our node of the plan"), "allow_http": N_("Unencrypted http is allowed"),
    "ca_file": N_("File of the certificate authority"), "connect_timeout": N_("Wait for a connection, s"),
    "read_timeout": N_("Wait for an answer, s"), "total_timeout": N_("Longest request, s"),
    "attempts": N_("Attempts"), "sessions": N_("Sessions of 1C"), "originator": N_("Our mark in the portal"),
    "page_bytes": N_("Size of a page, bytes"), "response_bytes": N_("Largest answer, bytes"),
}  # fmt: skip
HELPS = {
    "url": N_("As in the browser: http://server/base, or with /odata/standard.odata at the end."),
    "webhook": N_("The whole address of an incoming webhook of the portal; it is a password."),
    "portal": N_("For an application instead of a webhook: https://company.bitrix24.ru"),
    "write": N_("With review, which is usual, each write waits for a person."),
    "timezone": N_("Of the other side's clock, like Europe/Moscow."),
    "since": N_("Documents before this day are left alone; empty: everything is read."),
    "every": N_('A number and a unit: "5m", "1h".'),
    "rate": N_('Requests in a time: "2/s", "100/m".'),
    "near": N_('So far back documents are compared in every cycle: "45d".'),
    "changes": N_("sweep compares versions; exchange_plan reads what 1C has registered for us."),
    "exchange_plan": N_("Only with exchange_plan: its name in 1C."),
    "node": N_("Only with exchange_plan: the GUID of our node."),
    "ca_file": N_("Only a file in the folder of secrets can be named here."),
}  # fmt: skip
CHOICES = {
    "accounting": N_("accounting"), "crm": N_("CRM"), "off": N_("nothing is written there"),
    "review": N_("each write waits for a person"), "on": N_("is written there"),
    "sweep": N_("by comparing versions"), "exchange_plan": N_("by an exchange plan"),
    "true": N_("yes"), "false": N_("no"),
}  # fmt: skip
MISTAKES = {
    "Field required": N_("This has to be filled in."),
    "name": N_("1 to 60 letters, digits, spaces, dots, - or _."),
    "taken": N_("There is a connection of this name already."),
    "long": N_("This is too long, or holds signs that nobody can type."),
    "address": N_("An address begins with http:// or https:// and carries no user and password."),
    "local": N_("This address leads nowhere that a base could be."),
    "path": N_("Files are named in settings.toml by whoever runs the service; here only one in the folder of secrets."),
    "again": N_("The address is another one: type the secret again, so that it does not go elsewhere by mistake."),
}  # fmt: skip
"""What the page itself refuses, and what models say most often; the rest is told in their own words."""
