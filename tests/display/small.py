"""A small hall: two zones, two queues, three counters."""

from typing import Any

from ticketing.models import Counter, CounterQueue, Hall, PriorityClass, Queue, Zone


def small_hall(code: str = "north", **rules: Any) -> Hall:
    rules = {"languages": ["zh-CN", "en"], "no_show_calls": 1, "no_show_seconds": 0} | rules
    hall = Hall.create(code=code, name="北厅", name_en="North Hall", rules=rules)
    east, west = (Zone.create(hall=hall, code=zone, name=zone, place=n) for n, zone in enumerate(("east", "west")))
    general = Queue.create(hall=hall, code="general", name="综合", prefix="A", zone=east, general=True)
    tax = Queue.create(hall=hall, code="tax", name="税务", prefix="B", zone=west, place=1)
    for priority, weight in (("normal", 1), ("elderly-disabled", 4)):
        PriorityClass.create(hall=hall, code=priority, name=priority, weight=weight, verify=weight > 1)
    for number, name, zone, queues in (
        (1, "1", east, [general]),
        (2, "2", east, [general, tax]),
        (31, "出件窗口", west, [tax]),
    ):
        counter = Counter.create(hall=hall, number=number, name=name, zone=zone)
        for place, queue in enumerate(queues):
            CounterQueue.create(counter=counter, queue=queue, place=place)
    return hall
