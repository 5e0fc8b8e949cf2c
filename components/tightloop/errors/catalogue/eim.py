"""EIM: the interface manager's errors."""

from __future__ import annotations

from tightloop.errors.catalogue.entry import Component

_entry = Component("interface-manager")

_CORRECT = "Correct the strategy and publish again under a new instruction id."

ENTRIES = (
    _entry(
        "EIM-001",
        "routing failed",
        "HIGH",
        "The interface manager could not handle a record, for a reason that has no code; the message names the cause.",
        "Refuses an instruction that could not be judged or started, with a result; the key goes on. Any other record "
        "goes to `dead_letters` and halts its key. Nothing of either was dispatched.",
        "Read the cause in the message and report it; after a fix, publish a refused instruction under a new id; for a "
        "dead letter `tightloop dead-letters retry`, then resume.",
    ),
    _entry(
        "EIM-002",
        "venue interface unavailable",
        "HIGH",
        "The lane of the venue is not configured, or nothing executes it.",
        "Refuses the instruction with a result. Nothing was submitted.",
        "Configure the venue and start the executor of its lane.",
    ),
    _entry(
        "EIM-003",
        "delta aggregation failed",
        "MEDIUM",
        "What happened differs from the instruction's expected deltas by more than its slippage bound.",
        "Applies and publishes what happened, and halts the key.",
        "Compare the loop's reports with the expected deltas; correct the strategy's model, then resume.",
    ),
    _entry(
        "EIM-004",
        "missing or invalid venue credentials",
        "CRITICAL",
        "A venue that is needed has no credentials, or the venue refuses them.",
        "Refuses to start, or refuses the instruction. Nothing was submitted.",
        "Set the credentials of the environment that is in use (`tightloop doctor` names the variables), restart.",
        reserved="The manager holds no credentials. What builds an adapter refuses missing ones before anything is "
        "built (EIF-003, EIF-006); what a venue itself refuses is EXI-004.",
    ),
    _entry(
        "EIM-005",
        "unknown instruction type",
        "MEDIUM",
        "The instruction's `type` is not one that this version knows.",
        "Refuses the instruction with a result; the key goes on.",
        "Use cex_trade, smart_contract_action, wallet_transfer or cancel; or upgrade the components.",
    ),
    _entry(
        "EIM-006",
        "unknown venue",
        "MEDIUM",
        "The instruction's `venue`, or a protocol of its actions, is not one that this installation knows.",
        "Refuses the instruction with a result; the key goes on.",
        "Correct the name (the message gives the nearest); or upgrade the components.",
    ),
    _entry(
        "EIM-007",
        "invalid payload",
        "MEDIUM",
        "The instruction decodes, but what it says is not possible: the message names the field and the rule.",
        "Refuses the instruction with a result; the key goes on.",
        _CORRECT,
    ),
    _entry(
        "EIM-008",
        "chain cannot be atomic",
        "MEDIUM",
        "`atomic` was asked for actions that do not fit into one transaction, such as protocols of different chains.",
        "Refuses the instruction with a result; the key goes on.",
        "Split the instruction, or leave `atomic` out.",
    ),
    _entry(
        "EIM-009",
        "same instruction id, different content",
        "MEDIUM",
        "An id came again with other content; or an unknown id came with a `sequence` (without one: a `created_at`) so "
        "low that ids up to it are no longer remembered: it may already have had its result.",
        "Writes it to `dead_letters` without a halt and without a result, as no id gets a second result.",
        "Make the publisher use an id once; a retry must repeat the very same content, "
        "`created_at` too: left out, it is the time of publishing, and differs each time. Without `sequence` publish "
        "within `timing.max_age`.",
        halts=False,
    ),
    _entry(
        "EIM-010",
        "instruction expired",
        "LOW",
        "The instruction's `expires_at`, its default, or the order's `timeout_ms` passed before it was submitted.",
        "Ends it as `expired`; after `timeout_ms` alone with outcome `cancelled`. Nothing was done at the venue.",
        "If it happens often: look at what the key waited for (`tightloop show ID`), or allow more time.",
    ),
    _entry(
        "EIM-011",
        "key halted",
        "HIGH",
        "An instruction arrived while its key, its venue, or everything is halted.",
        "Refuses the instruction with a result. What happens at a venue is still applied and published.",
        "`tightloop status` shows the halts and their causes; remove the causes, then `tightloop resume KEY --reason "
        "...`.",
    ),
    _entry(
        "EIM-012",
        "execution timeout",
        "HIGH",
        "A dispatched loop did not come back within the manager's deadline.",
        "Halts the key and still waits for the loop's reconciliation result; the slot stays taken.",
        "See whether the lane's executor and reconciliation run (`tightloop status`); resume once the loop has ended.",
    ),
    _entry(
        "EIM-013",
        "pre-trade limit breached",
        "MEDIUM",
        "The instruction would exceed a limit of its strategy, account or venue, or there is no price to check it by.",
        "Refuses the instruction with a result. Nothing was submitted.",
        "The message says which limit of whom, the figure and the bound: lower the size, wait, or change the limit "
        "(docs/limits.md); where there was no price, see that market data arrives.",
    ),
    _entry(
        "EIM-014",
        "account awaits adoption",
        "LOW",
        "A live account is used for the first time; its positions were read and wait to be confirmed.",
        "Halts the key until an operator adopts the position version that the halt names.",
        "Compare the positions with the venue's own page, then `tightloop adopt KEY`.",
    ),
    _entry(
        "EIM-015",
        "queue or memory of ids full",
        "MEDIUM",
        "The key has as many queued instructions, remembered instruction ids (1,000 of them refused with a `sequence` "
        "or a date ahead of all accepted ones), or cancels of one loop, as its bounded state may hold.",
        "Refuses the instruction with a result; once even refused ids fill the memory, writes it to `dead_letters` "
        "instead, without a halt. Nothing was submitted; what is queued stays.",
        "Publish no faster than the loop closes; number instructions with `sequence`, which needs few remembered ids.",
    ),
    _entry(
        "EIM-016",
        "command refused",
        "MEDIUM",
        "A control command does not fit the state of its key: unknown halt ids, another position version, no such "
        "target.",
        "Changes nothing; the command goes to dead_letters, without a halt.",
        "Read `tightloop status`, and give the command again with what it shows.",
    ),
    _entry(
        "EIM-017",
        "more halts than are kept",
        "HIGH",
        "A key has 32 halts, and further ones came; the message counts them and holds the latest.",
        "Keeps the oldest 32, and this one in place of all later ones; the key stays halted until a resume has named "
        "it, too.",
        "`tightloop dead-letters list --key KEY` and `tightloop tail reconciliation_results` hold the others: "
        "remove their causes, then resume the key.",
    ),
    _entry(
        "EIM-018",
        "group refused whole",
        "MEDIUM",
        "The instruction is a leg of a group that cannot run: a leg is missing, refused, there twice or of another "
        "size, or the group has ended already. The message names the leg.",
        "Ends every leg with a result, `refused`, or `expired` where the group waited in vain; also a leg that comes "
        "later. Nothing of the group was submitted, and the key goes on.",
        "Correct what the message names; publish all legs again, under new ids and a new group id (docs/groups.md).",
    ),
    _entry(
        "EIM-019",
        "group stopped part-way",
        "HIGH",
        "A leg of a group failed: it was not filled whole, or its loop ended in a halt. The message says which leg, "
        "what was filled before it, and what was not executed.",
        "Ends the legs after it as `cancelled`, and halts the key unless the failed leg says `on_failure: "
        "cancel_rest`. What was filled stays.",
        "Decide what becomes of what was filled; resume the key, then publish what trades it back or completes it.",
    ),
)
