"""From the word of a protocol to the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facewise.evaluation.protocols.agedb import read_agedb
from facewise.evaluation.protocols.bin_pack import read_bin_pack
from facewise.evaluation.protocols.cfp import read_cfp
from facewise.evaluation.protocols.cross_lfw import read_cross_lfw
from facewise.evaluation.protocols.ijb import read_ijb
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.protocols.pairs_csv import read_pairs_csv
from facewise.evaluation.protocols.people import read_people
from facewise.training.evaluating.faceless import faceless
from facewise.training.evaluating.folds import FOLDS
from facewise.training.evaluating.forms import Form
from facewise.training.evaluating.pair_form import PairForm
from facewise.training.evaluating.search_form import SearchForm
from facewise.training.evaluating.template_form import TemplateForm
from facewise.training.protocol_words import parsed


def open_protocol(word: str, *, aligned: bool = False) -> Form:
    """Read the protocol of a word, and find its images, before anything is computed.

    Args:
        word: of one of the forms of `protocol_words`.
        aligned: the images are chips. Those of lfw and csv that `facewise align` could not make,
            by the list in their folder, may then be missing: they have no face.

    Raises:
        TrainingError: another form.
        ProtocolError: the protocol is not of its published form, or images are missing.
    """
    taken = parsed(word)
    paths = [Path(path).expanduser() for path in taken.paths]
    form: Any = taken.form
    if form in ("lfw", "csv"):
        pairs, images, *chosen_on = paths
        read = read_lfw if form == "lfw" else read_pairs_csv
        absent = faceless(images) if aligned else None
        return PairForm(*[read(each, images, absent=absent) for each in (pairs, *chosen_on)])
    if form in ("calfw", "cplfw"):
        return PairForm(read_cross_lfw(form, paths[0], paths[1]))
    if form == "agedb":
        return PairForm(read_agedb(paths[0], paths[1]))
    if form in ("cfp-ff", "cfp-fp"):
        return PairForm(read_cfp(form.removeprefix("cfp-"), paths[0]))
    if form == "bin":
        return PairForm(read_bin_pack(paths[0], FOLDS))
    if form in ("ijbb", "ijbc"):
        return TemplateForm(read_ijb(form, paths[0]))
    return SearchForm(read_people(paths[0], paths[1]))
