"""The namespaces of the library's actions, one for each folder."""

from advanced_workflow.activities.action.namespace import Namespace

banking = Namespace("banking")
charging = Namespace("charging")
dsl_sample = Namespace("dsl_sample")
incidents = Namespace("incidents")
notices = Namespace("notices")
orders = Namespace("orders")
organisation = Namespace("organisation")
processes = Namespace("processes")
research = Namespace("research")
sagas = Namespace("sagas")
studio = Namespace("studio")
