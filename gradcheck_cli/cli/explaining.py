"""What `gradcheck explain` does once its command line is parsed."""

from __future__ import annotations

from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.failures import from_internal_error, from_user_error, say
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.errors import UserError
from gradcheck_cli.explain.page import code_of, page_of
from gradcheck_cli.report.codes import RULES


def perform(rule: str | None, *, list_rules: bool) -> ExitCode:
    """Print the page of the rule, or the table of all rules."""
    output = Output()
    try:
        output.write(_shown(rule, list_rules, output))
        return ExitCode.PASSED
    except UserError as error:
        say(from_user_error(error), "Try `gradcheck explain --help`.")
    except Exception as error:
        say(from_internal_error(error))
    return ExitCode.UNABLE


def _shown(rule: str | None, list_rules: bool, output: Output) -> str:
    if (rule is None) is not list_rules:
        what = "no rule is named" if rule is None else f"`--list` shows all rules, and `{rule}` names one"
        raise UserError(what, mend="`gradcheck explain GC204`, or `gradcheck explain --list`")
    # the Markdown parser is not for a word that means no rule
    code = None if rule is None else code_of(rule)
    from gradcheck_cli.report.rule_page import print_rule, print_rules

    console = page_console(output.encoding, is_terminal=output.is_terminal)
    if code is None:
        print_rules(map(page_of, RULES), console)
    else:
        print_rule(page_of(code), console)
    return page_text(console)
